"""A stream of tokens with the few questions that a parser of statements asks."""

from __future__ import annotations

from qt001_cp.analyse.lexer import BAD, END, Token, tokenize


class PlpgsqlError(Exception):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class Stream:
    def __init__(self, body: str) -> None:
        self.body = body
        self.tokens = tokenize(body)
        self.at = 0

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def peek(self, ahead: int = 1) -> Token:
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.now
        if token.kind == BAD:
            raise PlpgsqlError(f"a {token.value} does not end", token.line)
        if token.kind != END:
            self.at += 1
        return token

    def word(self, *words: str) -> bool:
        if self.now.is_word(*words):
            self.at += 1
            return True
        return False

    def op(self, *ops: str) -> bool:
        if self.now.is_op(*ops):
            self.at += 1
            return True
        return False

    def need_word(self, *words: str) -> Token:
        token = self.take()
        if not token.is_word(*words):
            raise self.wrong(either(words), token)
        return token

    def need_op(self, op: str) -> Token:
        token = self.take()
        if not token.is_op(op):
            raise self.wrong(op, token)
        return token

    def wrong(self, expected: str, token: Token) -> PlpgsqlError:
        shown = self.body[token.start : token.end][:40] or "the end of the body"
        return PlpgsqlError(f"expected {expected}, found {shown}", token.line)

    def name(self) -> str:
        token = self.take()
        if not token.is_name:
            raise self.wrong("a name", token)
        return token.value

    def until(self, *stops: str) -> tuple[int, int]:
        """Token range up to the first of ``stops`` (words or operators) outside parentheses; ``;`` always stops."""
        start, depth = self.at, 0
        while True:
            token = self.now
            if token.kind == END:
                raise self.wrong(either(stops), token)
            if depth == 0 and (token.is_word(*stops) or token.is_op(*stops)):
                return start, self.at
            if token.is_op("(", "["):
                depth += 1
            elif token.is_op(")", "]"):
                depth -= 1
                if depth < 0:
                    raise self.wrong(either(stops), token)
            elif token.is_op(";") and depth == 0:
                raise self.wrong(either(stops), token)
            self.take()


def either(words: tuple[str, ...]) -> str:
    return " or ".join(word.upper() for word in words)
