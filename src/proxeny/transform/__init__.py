"""The mapping language: transformations of SAP Identity Provisioning, loaded once and run on each entity.

Pure: no input, no output.

    declarations = load(text, name="systems/hr.json")
    transformation = compile_transformation(declarations, properties=properties, direction="read", role="proxy")
    result = transformation.entities["user"].run("read", document, {"entityBaseLocation": "https://…/Users/"})

The stages are the files: text → ``mapping`` (declarations) → ``compiler`` (instructions) → ``codegen``
(one function for each operation) → ``runtime``. ``trace``, ``lineage`` and ``reverse`` tell what a transformation
did, may do, and can undo.
"""

from proxeny.transform.compiler import Direction, check_transformation, compile_transformation
from proxeny.transform.errors import EntityFailedError, Problem, TransformationError
from proxeny.transform.functions.registry import Lookup, Role
from proxeny.transform.instructions import OPERATIONS, Operation
from proxeny.transform.lineage import Lineage
from proxeny.transform.mapping import Declarations, load, load_document
from proxeny.transform.results import Result
from proxeny.transform.reverse import NativeSource, Reverse
from proxeny.transform.runtime import Answers, EntityProgram, Lookups, Transformation
from proxeny.transform.trace import Trace
from proxeny.transform.values import Budget

__all__ = [
    "OPERATIONS",
    "Answers",
    "Budget",
    "Declarations",
    "Direction",
    "EntityFailedError",
    "EntityProgram",
    "Lineage",
    "Lookup",
    "Lookups",
    "NativeSource",
    "Operation",
    "Problem",
    "Result",
    "Reverse",
    "Role",
    "Trace",
    "Transformation",
    "TransformationError",
    "check_transformation",
    "compile_transformation",
    "load",
    "load_document",
]
