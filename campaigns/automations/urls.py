"""Addresses of automations."""

from __future__ import annotations

from django.urls import path

from campaigns.automations.views import (
    deciding,
    detail,
    endpoints,
    entering,
    overview,
    people,
    simulation,
    versions,
    why,
)

app_name = "automations"
urlpatterns = [
    path("automations/", overview.index, name="list"),
    path("automations/recipes/", overview.recipes, name="recipes"),
    path("automations/recipes/<slug:key>/use/", overview.use, name="use"),
    path("automations/new/", overview.new, name="new"),
    path("automations/<uuid:uuid>/", detail.detail, name="detail"),
    path("automations/<uuid:uuid>/steps/add/", detail.add_step, name="add"),
    path("automations/<uuid:uuid>/steps/<str:step>/save/", detail.save_step, name="save_step"),
    path("automations/<uuid:uuid>/steps/<str:step>/remove/", detail.remove_step, name="remove"),
    path("automations/<uuid:uuid>/steps/<str:step>/move/", detail.move_step, name="move_step"),
    path("automations/<uuid:uuid>/entry/", detail.save_entry, name="save_entry"),
    path("automations/<uuid:uuid>/publish/", detail.publish, name="publish"),
    path("automations/<uuid:uuid>/pause/", detail.pause, name="pause"),
    path("automations/<uuid:uuid>/resume/", detail.resume, name="resume"),
    path("automations/<uuid:uuid>/versions/<int:number>/restore/", detail.restore, name="restore"),
    path("automations/<uuid:uuid>/versions/<int:number>/move/", versions.move, name="move_version"),
    path("automations/<uuid:uuid>/people/", people.people, name="people"),
    path("automations/<uuid:uuid>/people/put-in/", entering.put_in, name="put_in"),
    path("automations/<uuid:uuid>/people/take-out/", deciding.decide, {"what": "take_out"}, name="take_out"),
    path("automations/<uuid:uuid>/people/move/", deciding.decide, {"what": "move"}, name="move"),
    path("automations/<uuid:uuid>/held/", people.held, name="held"),
    path("automations/<uuid:uuid>/held/release/", deciding.decide, {"what": "release"}, name="release"),
    path("automations/<uuid:uuid>/held/drop/", deciding.decide, {"what": "drop"}, name="drop"),
    path("subscribers/<uuid:person>/put-in/", entering.put_person_in, name="put_person_in"),
    path("automations/<uuid:uuid>/simulate/", simulation.simulate, name="simulate"),
    path("automations/<uuid:uuid>/simulate/<uuid:simulation>/", simulation.progress, name="simulating"),
    path("automations/<uuid:uuid>/why/<uuid:person>/", why.why, name="why"),
    path("automations/<uuid:uuid>/left-out/", people.left_out, name="left_out"),
    path("settings/endpoints/", endpoints.endpoints, name="endpoints"),
    path("settings/endpoints/new/", endpoints.new_endpoint, name="new_endpoint"),
    path("settings/endpoints/<uuid:uuid>/", endpoints.endpoint, name="endpoint"),
    path("settings/endpoints/<uuid:uuid>/switch/", endpoints.switch_endpoint, name="switch_endpoint"),
    path("settings/endpoints/<uuid:uuid>/secret/", endpoints.replace_secret, name="replace_secret"),
    path("settings/endpoints/<uuid:uuid>/delete/", endpoints.delete_endpoint, name="delete_endpoint"),
    path("settings/endpoints/<uuid:uuid>/try/", endpoints.try_endpoint, name="try_endpoint"),
    path("settings/endpoints/<uuid:uuid>/calls/<uuid:call>/again/", endpoints.call_again, name="call_again"),
]
