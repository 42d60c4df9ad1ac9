"""Talk to a server: what it is asked, and what its refusals mean."""

import contextlib
import email.utils
import functools
import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

from sertools import __version__

__all__ = ["Again", "network", "new_opener", "request", "version_of"]

TIMEOUT = 30.0
"""Seconds of silence after which a connection counts as lost."""

_AGENT = {"User-Agent": f"sertools/{__version__}"}
_REFUSALS = {
    401: PermissionError,
    403: PermissionError,
    404: FileNotFoundError,
    410: FileNotFoundError,
}


class Again(Exception):
    """What went wrong this time, but may go well the next.

    Parameters
    ----------
    reason : str
        What went wrong.
    wait : float, default 0
        Seconds that the server asks to wait.
    afresh : bool, default False
        Whether what has arrived cannot be continued.
    """

    def __init__(self, reason: str, wait: float = 0.0, afresh: bool = False):
        super().__init__(reason)
        self.wait, self.afresh = wait, afresh


def new_opener() -> urllib.request.OpenerDirector:
    """Make an opener for http, https and file addresses, and no others."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=_certificates()),
        urllib.request.FileHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Read the authorities once: it takes longer than fetching a small file."""
    return ssl.create_default_context()


def request(opener: urllib.request.OpenerDirector, url: str, headers: dict):
    """Send a request and give the reply, its body unread."""
    with network(url):
        asked = urllib.request.Request(url, headers=_AGENT | headers)
        return opener.open(asked, timeout=TIMEOUT)


@contextlib.contextmanager
def network(url: str) -> Iterator[None]:
    """Tell what may go well the next time from what will not.

    Raises
    ------
    Again
        If the connection broke or the server is busy.
    FileNotFoundError, PermissionError, ConnectionError, ValueError
        If asking again is of no use.
    """
    try:
        yield
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error, url) from None
    except (OSError, http.client.HTTPException) as error:
        raise _breakdown(error, url) from None


def version_of(headers) -> str | None:
    """Give what the server calls this very content, if it vouches for each byte."""
    etag = headers.get("ETag")
    return headers.get("Last-Modified") if not etag or etag.startswith("W/") else etag


def _refusal(error: urllib.error.HTTPError, url: str) -> Exception:
    """Put an error status into words."""
    told = f"{error.code} {error.reason}"
    if error.code == 416:
        return Again("the file has changed on the server", afresh=True)
    if error.code in (408, 425, 429) or error.code >= 500:
        wait = _seconds(error.headers.get("Retry-After", ""))
        return Again(f"the server answered {told}", wait)
    kind = _REFUSALS.get(error.code, ConnectionError)
    return kind(
        f"{url} answered {told}. Open the address in a browser to see what became of "
        "it; SERTOOLS_MIRROR=<address> fetches from another server."
    )


def _seconds(retry_after: str) -> float:
    """Read a Retry-After: seconds, or a date.

    Examples
    --------
    >>> _seconds("7"), _seconds("Fri, 31 Dec 1999 23:59:59 GMT"), _seconds("soon")
    (7.0, 0.0, 0.0)
    """
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        date = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max(0.0, date.timestamp() - time.time())


def _breakdown(error: Exception, url: str) -> Exception:
    """Put a failed connection into words."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, http.client.InvalidURL):
        return ValueError(f"{url!r} is not an address: {reason}.")
    if url.startswith("file:") and isinstance(reason, OSError):
        return type(reason)(f"{url}: {reason.strerror}. SERTOOLS_MIRROR points there.")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return ConnectionError(
            f"{url}: the server's certificate cannot be verified "
            f"({reason.verify_message}). If others can, tell Python where your "
            'certificates are: export SSL_CERT_FILE="$(python -m certifi)"'
        )
    if isinstance(reason, str):
        return ConnectionError(f"{url}: {reason}.")
    if isinstance(reason, TimeoutError):
        return Again(f"no answer for {TIMEOUT:.0f} s")
    if isinstance(reason, OSError) and reason.strerror:
        return Again(reason.strerror.lower())
    return Again("the connection was cut")
