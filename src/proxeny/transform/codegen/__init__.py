"""Instructions → one Python function per entity type and operation.

Definite copies, constants, wraps and simple conditions become plain statements; whatever is rarer is a call of its
compiled closure. The traced form is the same source with a call into the trace after each step.
"""

from proxeny.transform.codegen.plan import Form, Plan
from proxeny.transform.codegen.program import generate

__all__ = ["Form", "Plan", "generate"]
