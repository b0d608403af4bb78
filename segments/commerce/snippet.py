"""The few lines for the shop's pages that report what a known person looks at, and the token by which they are known.

The browser keeps nothing, and sends nothing before ``personalize("consent", true)``. Nobody is named by an address: the
shop's server writes a token with its own id of the customer, signed with the connection's secret.
"""

from __future__ import annotations

import datetime as dt
import hmac

from segments.commerce.signatures import signing_key

# Written small by hand; the calls are told in docs/shops.md. The script asks its own address where to report to.
SCRIPT = """\
(function(w,d){var s=d.currentScript.src,u=s.replace(/[^/]+$/,"e"),k=s.match(/([^/]+)\\.js/)[1],t="",ok=0,p=[];\
function f(){if(ok&&t)while(p.length){var b=JSON.stringify({key:k,who:t,product:p.shift()});\
navigator.sendBeacon&&navigator.sendBeacon(u,b)||fetch(u,{method:"POST",body:b,keepalive:true,mode:"no-cors"})}}\
var c=w.personalize,q=c&&c.q||[];w.personalize=function(n,v){\
if(n=="consent"){ok=v===true;if(v===false)p=[]}else if(n=="who")t=""+v;else if(n=="viewed")p=p.concat(""+v).slice(-9);f()};\
q.forEach(function(a){w.personalize.apply(w,a)})})(window,document)
"""

# Long enough for a visit, short enough that a copied token is soon worth nothing.
LIFETIME = dt.timedelta(hours=24)
AHEAD = dt.timedelta(minutes=5)


def token(secret: str, customer_id: str, at: dt.datetime) -> str:
    """What the shop's server writes into its page: ``id.seconds.signature``; the id may have points itself."""
    said = f"{customer_id}.{int(at.timestamp())}"
    return f"{said}.{_sign(secret, said)}"


def customer_of(secret: str, given: str, now: dt.datetime) -> str:
    """The shop's id of the customer; empty for a token that is forged, cut or older than a day."""
    said, _dot, signature = given.rpartition(".")
    if not hmac.compare_digest(signature.encode(errors="replace"), _sign(secret, said).encode()):
        return ""
    customer_id, _dot, seconds = said.rpartition(".")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 12):
        return ""
    age = dt.timedelta(seconds=now.timestamp() - int(seconds))
    return customer_id if -AHEAD <= age <= LIFETIME else ""


def _sign(secret: str, said: str) -> str:
    # The word in front keeps these signatures apart from those of webhooks, which the same secret makes.
    return hmac.new(signing_key(secret), f"who:{said}".encode(errors="replace"), "sha256").hexdigest()
