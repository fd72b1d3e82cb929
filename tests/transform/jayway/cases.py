"""Documents, paths and filters by the thousand, in the shapes that transformations have and in odd ones."""

from random import Random
from typing import Any

NAMES = ["a", "b", "c", "urn:x:2.0:User", "e-f", "$ref"]
SCALARS = [None, True, False, 0, 1, 2, 1.5, -3, "", "a", "1", "1.5", "work", "true", "null", "a@x.io", "AB_x", [], {}]
LITERALS = ["null", "true", "false", "0", "1", "1.5", "-3", "''", "'a'", '"1"', "'1.5'", "'work'", "'true'", "[]",
            "['a','1']", "[1,2]", "{}"]  # fmt: skip
LIST_OPERATORS = ["in", "IN", "nin", "NIN", "subsetof", "anyof", "noneof", "contains"]
COMPARISONS = ["==", "==", "!=", "===", "!==", "<", "<=", ">", ">="]
PATTERNS = ["a.*", "[0-9.]+", "A.*", "true", "work|a"]
RANGES = ["[0,1]", "[0:1]", "[1:]", "[:1]", "[-1:]", "[:-1]", "[-2:-1]", "[0:9]"]
FUNCTIONS = ["length", "size", "min", "sum", "keys", "first", "last", "avg"]


class Cases:
    """A seeded source of cases."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def value(self, depth: int = 0) -> Any:
        chance = self.random.random()
        if depth > 3 or chance < 0.35:
            return self.random.choice(SCALARS)
        if chance < 0.68:
            return {name: self.value(depth + 1) for name in self.names(4)}
        if chance < 0.85:
            return [{name: self.value(depth + 2) for name in self.names(3)} for _ in range(self.random.randint(0, 4))]
        return [self.value(depth + 1) for _ in range(self.random.randint(0, 4))]

    def names(self, most: int) -> list[str]:
        return self.random.sample(NAMES, self.random.randint(0, most))

    def document(self) -> dict[str, Any]:
        return {name: self.value(1) for name in self.random.sample(NAMES, self.random.randint(2, len(NAMES)))}

    def key(self) -> str:
        name = self.random.choice(NAMES)
        return f"['{name}']" if ":" in name else self.random.choice([".%s", "['%s']", '["%s"]', ".['%s']"]) % name

    def operand(self) -> str:
        start = self.random.choice(["@", "@", "@", "$"])
        path = start + "".join(self.key() for _ in range(self.random.randint(start == "$", 2)))
        tail = ["[*]", "[*]" + self.key(), "[0]", "[?(@.a == 1)].b" if "[" not in path else "", ".length()"]
        return path + (self.random.choice(tail) if self.random.random() < 0.35 else "")

    def side(self) -> str:
        return self.operand() if self.random.random() < 0.62 else self.random.choice(LITERALS)

    def condition(self, depth: int = 0) -> str:
        chance = self.random.random()
        choose = self.random.choice
        if depth < 2 and chance < 0.24:
            return f"({self.condition(depth + 1)} {choose(['&&', '||'])} {self.condition(depth + 1)})"
        if depth < 2 and chance < 0.3:
            return f"!({self.condition(depth + 1)})"
        if chance < 0.4:
            return choose(["", "!"]) + "@" + self.key() + choose(["", self.key(), "[0]", "[*]"])
        if chance < 0.45:
            return f"{self.operand()} {choose(['empty', 'EMPTY'])} {choose(['true', 'false'])}"
        if chance < 0.52:
            return f"{self.operand()} =~ /{choose(PATTERNS)}/{choose(['', 'i'])}"
        if chance < 0.64:
            right = choose(["['a','1']", "[1,2,'work']", "[]", "[null,true]", self.operand()])
            return f"{self.side()} {choose(LIST_OPERATORS)} {right}"
        if chance < 0.68:
            return f"{self.operand()} size {choose(['0', '1', '2'])}"
        return f"{self.side()} {choose(COMPARISONS)} {self.side()}"

    def segment(self) -> str:
        chance = self.random.random()
        choose = self.random.choice
        if chance < 0.6:
            return self.key()
        if chance < 0.68:
            return choose(["[*]", ".*"])
        if chance < 0.77:
            return f"[{choose([0, 0, 1, -1, 5])}]"
        if chance < 0.8:
            return choose(RANGES)
        if chance < 0.85:
            return choose(["['a','b']", ".['b','c']"])
        if chance < 0.93:
            return f"[?({self.condition(1)})]"
        return ".." + choose(["a", "b", "*", "[0]", "['a','b']", "[?(@.a)]", "[*]"])

    def path(self) -> str:
        path = "$" + "".join(self.segment() for _ in range(self.random.randint(1, 4)))
        return f"{path}.{self.random.choice(FUNCTIONS)}()" if self.random.random() < 0.12 else path
