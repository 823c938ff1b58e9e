"""Every error that the project raises on purpose, drawn as one tree.

KithError
├── InputError                 the sender can fix it
│   ├── PayloadError               one or more fields of a request
│   ├── TableError                 a table, a column or a row offline
│   ├── BusinessFileError          business.yaml
│   ├── ConflictError              an id was used before, for something else
│   ├── UnknownDecisionError       no such decision is on record
│   └── ErasedError                it belongs to a customer who was erased
├── ArtifactError              whoever publishes models can fix it
│   ├── DigestMismatchError        bytes differ from what the manifest says
│   ├── StructureError             bytes are authentic but not a well-formed model
│   ├── FeatureMismatchError       the code computes another version of a feature
│   ├── GoldenAnswerError          the service does not reproduce the trainer's answers
│   └── TrialError                 the trial load in a child process failed
├── ModelUnavailableError      ops can fix it: nothing published answers
├── StoreError                 what the service remembers cannot be read or written
│   ├── StoreFullError             no room is left; ops can make some
│   ├── StoreUnavailableError      the database does not answer; a later try may succeed
│   └── StoreBusyError             too much waits to be written; a later try may succeed
└── PublicationError           the trainer can fix it: the model must not be published

Messages say what was found and what was expected; they never hold a customer's data.
"""

from __future__ import annotations

from dataclasses import dataclass


class KithError(Exception):
    """Base of every error that the project raises on purpose."""


class InputError(KithError):
    """What was sent cannot be used; its sender can fix it."""


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One fault of one field: JSON pointer, stable code, what is wrong, how to mend it."""

    pointer: str
    code: str
    detail: str
    hint: str = ""


class PayloadError(InputError):
    """A request is well-formed JSON but says something that cannot be answered."""

    def __init__(self, *faults: FieldFault) -> None:
        """Keep the faults; the message counts them and repeats no input."""
        super().__init__(f"{len(faults)} field(s) cannot be used")
        self.faults = faults


class TableError(InputError):
    """A source or canonical table cannot be read or does not hold what it must."""

    def __init__(self, message: str, *, table: str = "", column: str = "", remedy: str = "") -> None:
        """Keep the place and the remedy apart from the message."""
        super().__init__(message)
        self.table = table
        self.column = column
        self.remedy = remedy


class BusinessFileError(InputError):
    """business.yaml is missing, is not YAML, or holds a field that is wrong."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        """Keep the remedy apart from the message."""
        super().__init__(message)
        self.remedy = remedy


class ConflictError(InputError):
    """An id that makes a request repeatable was used before, with another body."""


class UnknownDecisionError(InputError):
    """No decision of that id is on record."""


class ErasedError(InputError):
    """What was sent belongs to a customer who was erased; it is not taken again."""


class ArtifactError(KithError):
    """A published artifact cannot be trusted or used; whoever publishes models can fix it."""


class DigestMismatchError(ArtifactError):
    """The bytes of a file differ from the size or sha256 that its manifest states."""


class StructureError(ArtifactError):
    """A file is authentic, but is not a well-formed model or manifest."""


class FeatureMismatchError(ArtifactError):
    """A model was trained on another version of a feature than this code computes."""


class GoldenAnswerError(ArtifactError):
    """The service does not reproduce the answers that training got through the same code."""


class TrialError(ArtifactError):
    """The child process that tries a release failed, ran out of time, or out of memory."""


class ModelUnavailableError(KithError):
    """No active model answers what was asked; ops can publish one."""


class StoreError(KithError):
    """What the service remembers cannot be read or written; nothing was acknowledged."""


class StoreFullError(StoreError):
    """The database has no room left; ops can make some."""


class StoreUnavailableError(StoreError):
    """The database does not answer, or failed while writing; a later try may succeed."""


class StoreBusyError(StoreError):
    """More waits to be written than the service holds; a later try may succeed."""


class PublicationError(KithError):
    """The model must not be published; the message names the check that it failed."""
