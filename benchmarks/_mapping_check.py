def seconds_of_the_largest() -> tuple[str, float]:
    raise NotImplementedError
