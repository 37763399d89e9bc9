"""What GitHub does and does not document, each with the reason why the emulator does it, too. Whatever is not here has to fit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """A status that the description does not name for an operation (by method; any if empty), and the schema that it has."""

    status: int
    reason: str
    methods: frozenset[str] = frozenset()
    schema: str = "basic-error"

    def covers(self, method: str, status: int) -> bool:
        """Return whether it is about this."""
        return status == self.status and (not self.methods or method in self.methods)


_READS = frozenset({"GET", "HEAD"})
_WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})

STATUSES = (
    Allowance(301, "a renamed repository; documented for GET /repos/{owner}/{repo}, and the same below it", _READS),
    Allowance(307, "writing to a renamed repository; 'Best practices for using the REST API' on redirections", _WRITES),
    Allowance(304, "a conditional request; 'Best practices for using the REST API'", _READS, schema=""),
    Allowance(400, "a body that is no JSON, or an API version that is none; 'Troubleshooting the REST API', 'API Versions'"),
    Allowance(401, "bad credentials; 'Authenticating to the REST API'"),
    Allowance(403, "no permission, no single sign-on, or a rate limit; 'Troubleshooting' and 'Rate limits for the REST API'"),
    Allowance(404, "a repository that the token cannot see; 'Troubleshooting the REST API'"),
    Allowance(429, "a rate limit; 'Rate limits for the REST API'"),
)

UNDOCUMENTED_BODIES = {
    ("delete", "/repos/{owner}/{repo}/git/refs/{ref}", 422): (
        "validation-error",
        "the status is documented without a body; GitHub sends the same as for its neighbours",
    ),
}

ERROR_MEMBERS = {
    "status": "every error of github.com repeats its status as a text; only some of the error schemas say so",
}
"""Members that errors may have though their schema does not name them."""
