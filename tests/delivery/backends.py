"""Ways out with a peculiarity, for settings to name."""

from __future__ import annotations

from anymail.backends.postmark import EmailBackend, PostmarkPayload


class PlainPayload(PostmarkPayload):
    """A payload of a service that leaves tracking to its account pages, as several do."""

    def set_track_opens(self, track_opens):
        self.unsupported_feature("track_opens")

    def set_track_clicks(self, track_clicks):
        self.unsupported_feature("track_clicks")


class PlainPostmark(EmailBackend):
    """Postmark, if it could not be told by the mail whether to track."""

    def build_message_payload(self, message, defaults):
        return PlainPayload(message, defaults, self)
