"""Reasons: every no has a name, the same in headers, logs and documents."""

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Why something was not looked up, not served or not stored; `why` says it to a person."""

    why: str

    def __new__(cls, value: str, why: str) -> Self:
        """Make a member whose value is the name used in headers, logs and documents."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.why = why
        return member

    # the request: answered by the view, nothing looked up
    DISABLED = (
        "disabled",
        "`ENABLED` is off (the default while `DEBUG` is on and under a test runner)",
    )
    METHOD = "method", "only GET and HEAD are looked up"
    BODY = "body", "the request carries a body or a Content-Type, or the page looked for a body"
    AUTHORIZATION = "authorization", "the request carries `Authorization`"
    METHOD_OVERRIDE = "method-override", "the request carries a method override header"
    RANGE = "range", "the request asks for a range, and `RANGES` is off"
    PRECONDITION = "precondition", "the request carries `If-Match` or `If-Unmodified-Since`"
    SESSION_COOKIE = (
        "session-cookie",
        'the visitor has a session, `AUTHENTICATED` is "bypass", and no segment was named',
    )
    SENSITIVE_PARAM = "sensitive-param", "the query has a parameter named in `SENSITIVE_PARAMS`"
    HOST = "host", "Django refuses the host of the request"
    QUERY = "query", "Django refuses the query string"
    USER_AGENT = "user-agent", "the client is in `DISALLOWED_USER_AGENTS`"
    EXCLUDED = "excluded", "`EXCLUDE` matches, or `INCLUDE` is set and does not"
    EXEMPT = "exempt", "the view is marked `cache_exempt`"
    UNMARKED = "unmarked", '`MODE` is "decorated" and the view has no `cache_page`'
    SENSITIVE_VIEW = (
        "sensitive-view",
        "admin, log-in, password and login-required views are never stored",
    )
    UNRESOLVED = "unresolved", "no view of the URLconf answers this path"
    NO_SEGMENT = "no-segment", "the segment function gave None, raised, or changed its answer"
    UNDECLARED_COOKIE = (
        "undeclared-cookie",
        "the page read a cookie that is not in `KEY_COOKIES`, and the request has it",
    )
    UNDECLARED_HEADER = (
        "undeclared-header",
        "the page read a header that is not in `KEY_HEADERS`, and the request has it",
    )
    SESSION = (
        "session",
        "the page read the session, and the visitor has one; or it changed the session",
    )
    USER = "user", "the page read the user, and the visitor may be logged in"
    ONLY_IF_CACHED = (
        "only-if-cached",
        "no page is stored that may be served, and the request says `only-if-cached` (`OBEY_REQUEST_DIRECTIVES`): 504",
    )
    OWED = (
        "announcement-owed",
        "an announcement of this process has not got through to the cache server yet",
    )
    STORE = "store-error", "the cache server did not answer"
    ERROR = "error", "pagecache failed; the log has the traceback"

    # the render: answered by the view, not stored
    HEAD = "head", "a response to HEAD has no body to store"
    STATUS = "status", "the status is not in `STATUSES`"
    EXCEPTION = "exception", "the view raised an exception, and something else answered for it"
    STREAMING = "streaming", "the response is streamed"
    SET_COOKIE = "set-cookie", "the response sets a cookie"
    PRIVATE = "private", "the response says `Cache-Control: private`"
    NO_STORE = "no-store", "the response says `Cache-Control: no-store`"
    NO_CACHE = "no-cache", "the response says `Cache-Control: no-cache`"
    REQUEST_NO_STORE = (
        "request-no-store",
        "the request says `no-store`, and `OBEY_REQUEST_DIRECTIVES` is on",
    )
    VARY_STAR = (
        "vary-star",
        "the response says `Vary: *`, or something there that is no header name",
    )
    PARTIAL = (
        "partial",
        "the response is a part (`Content-Range`), or its length is not its `Content-Length`",
    )
    TOO_LARGE = "too-large", "the body is larger than `MAX_BYTES`"
    TOO_FEW_HITS = (
        "too-few-hits",
        "the page is new, and this process was asked for it less than `MIN_HITS` times lately",
    )
    TOO_CHEAP = "too-cheap", "the page is new, and was made in less than `MIN_COST` seconds"
    NO_LIFETIME = (
        "no-lifetime",
        "the response may not be kept: its freshness or its timeout is zero",
    )
    CSRF = "csrf-token", "the page holds a CSRF token that cannot be made anew for each visitor"
    MESSAGES = "messages", "a message is waiting for the visitor, or the view added one"
    NONCE = (
        "csp-nonce",
        "the page holds a Content-Security-Policy nonce, in header or body, that pagecache does not know",
    )
    HOLE = (
        "hole",
        "a hole cannot be filled: its function failed, or what a page was given has no place in its body any more",
    )
    CHALLENGE = "challenge", "the response asks the client to log in"
    ALL_COOKIES = "all-cookies", "the page read all cookies at once"
    ALL_HEADERS = (
        "all-headers",
        "the page read all headers, or the whole environment of the request",
    )
    CLIENT = (
        "client-address",
        "the page read who the client is (its address, certificate or remote user)",
    )
    OBJECT = (
        "object",
        "the page depends on an object that has no name: a value in the request's environment, a urlconf, a time zone",
    )
    TOO_MANY_INPUTS = "too-many-inputs", "the page read more request inputs than one recipe holds"
    TOO_MANY_VARIANTS = "too-many-variants", "the path has `MAX_VARIANTS` pages already"
    AUTHENTICATED = (
        "authenticated",
        "the page was made for a logged-in visitor, and no segment covers that",
    )
    OUTSIDE = (
        "outside",
        "code that may see requests before pagecache (middleware, a decorator) is not known, nor named in `OUTSIDE`",
    )
    TOLD_OUTSIDE = (
        "told-outside",
        "the view tells middleware before pagecache what a stored page cannot (`xframe_options_exempt`, a policy)",
    )
    WROTE = "wrote", "the request wrote to the database"
    OPAQUE_SQL = "opaque-sql", "the page ran SQL that pagecache does not understand"
    IGNORED_TABLE = "ignored-table", "the page read a table whose writes are ignored (`IGNORE`)"
    CACHE_READ = (
        "cache-read",
        "a value was read through Django's cache API that `CACHE_READS` does not declare",
    )
    FOREIGN = "foreign", "code of no request, such as a thread of its own, touched data meanwhile"
    NESTED = "nested", "the page made another request to the site"
    TRANSACTION = "transaction", "the page was read in a transaction that had begun before"
    UNANNOUNCED = "unannounced", "this connection has writes that are not announced yet"
    CHECKED = (
        "checked",
        "a stored page was there, and was compared with what the view answers (`VERIFY`, `SHADOW`)",
    )
    BARRED = (
        "barred",
        "a stored page of the path was not what the view answers; the log says what differed (`VERIFY`, `SHADOW`)",
    )
    WIDENED = (
        "widened",
        "the page read a request input for the first time; it is stored from the next request on",
    )
    MOVED = "moved", "the data changed while the page was made"
    UNSETTLED = (
        "unsettled",
        "a transaction that writes to the data has not ended yet, or was not heard of again (two phases)",
    )
    SETTLING = "settling", "the data changed less than `SETTLE_SECONDS` before (replicas)"
