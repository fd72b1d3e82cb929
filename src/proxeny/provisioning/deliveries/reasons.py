"""Why an entity ended as it did: stable codes for programs, sentences for people.

The codes of the transformations (``missing-attribute``, ``bad-value`` …) come with a sentence of their own.
"""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    "condition": "The condition of the write transformation is not fulfilled.",
    "source-condition": "The condition of the source's read transformation is not fulfilled.",
    "source-failed": "The entity could not be read from the source, so it was left as it is.",
    "no-source-id": "The read transformation sets no entityIdSourceSystem; map the variable.",
    "bad-source-id": "The id of the entity, or its entityIdSourceSystem, is too long or has a zero character: "
    "it cannot be kept, so the entity was left as it is.",
    "same-source-id": "Several entities of the source have the same entityIdSourceSystem; it is not known which is "
    "meant, so none was written. Map an attribute that is different for each.",
    "skip-operation": "The transformation skips this operation (skipOperations).",
    "unsupported": "The system cannot do this operation.",
    "not-in-source": "The source no longer has the entity.",
    "no-application": "The group belongs to no application whose target takes its groups at once.",
    "deleted": "The source said that the entity was deleted.",
    "other-id": "The source has the entity under another entityIdSourceSystem now.",
    "value-removed": "The property no longer has the value for which this entity was made.",
    "still-in-source": "The list of the source left the entity out, but it is still there; it was not deleted.",
    "unconfirmed": "The source could not be asked again whether the entity is gone; it was not deleted.",
    "delta-never-deletes": "A delta read never deletes; the next full read decides.",
    "source-read-failed": "Something of the source could not be read in this run, so nothing was deleted.",
    "existed-before": "The entity was in the target before; it is only no longer managed. "
    "Set ips.delete.existedbefore.entities to have such entities deleted.",
    "shared": "The entity belongs to others too, by another source or target; only this link was removed.",
    "too-many": "More than 10 % and more than 20 entities of this type would be deleted; they are held for approval.",
    "source-empty": "The source has no entity of this type left; the deletions are held for approval.",
    "threshold": "More entities would be deleted than ips.delete.threshold allows; none was.",
    "rejected": "The deletion was rejected by an administrator.",
    "deleted-by-update": "The deleteEntity mappings were sent instead of a deletion; the entity is no longer managed.",
    "gone": "The target no longer had the entity.",
    "conflict-none": "The target says that a unique value is taken, and no entity with the unique attributes is found.",
    "conflict-several": "The target has several entities with these unique attributes; it is not known which is meant.",
    "conflict": "A unique value is taken by another entity of the target.",
    "conflict-linked": "The entity with these unique attributes belongs to another entity of this source.",
    "conflict-off": "The target has such an entity, and automatic conflict resolution is switched off.",
    "not-found": "The entity is not in the target, and creating is skipped.",
    "correlated": "An entity with the same unique attributes was in the target; it was taken over.",
    "recovered": "The target did not answer in time; reading again showed that the entity had been created.",
    "unresolved": "References to entities that are not in the target were left out; they follow once these are there.",
    "resync-only": "Nothing has changed since it was last sent; only a resync would write it.",
    "refused": "The target refused the request.",
    "kept-by-target": "The target lets nobody take something away that has no value any more, and keeps it.",
    "busy": "The target was too busy for too long.",
    "timed-out": "The target did not answer in time.",
    "unreachable": "The target could not be reached.",
    "sign-in": "The target does not accept the gateway's credentials; correct the system's properties.",
    "misconfigured": "A property of the target system is wrong.",
    "target-down": "The target was not called, because it failed for every entity before.",
    "read-only-group": "The group is read-only (supportedOperations).",
    "members-removed": "The group may not be deleted (supportedOperations); its members were taken out.",
    "write-back": "The entity was provisioned, but its Global User ID could not be written back to the source.",
    "assign-group": "The user could not be added to or removed from a group that a mapping names.",
    "internal-error": "An error in the gateway; the entity was left as it is. Please report it.",
}


def sentence(code: str | None, message: str | None = None) -> str:
    """What to tell people: the message that came with the reason, else the sentence of the code."""
    return message or SENTENCES.get(code or "", code or "")
