"""Files: CSV and JSON lines as a source, and as a target that is replaced as a whole."""

from proxeny.connectors.file.connector import FileConnector
from proxeny.connectors.file.declarations import PROPERTIES, problems
from proxeny.connectors.spec import Spec

SPEC = Spec("file", "File (CSV, JSON lines)", PROPERTIES, FileConnector, (problems,))
