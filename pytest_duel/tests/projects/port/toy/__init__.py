ROUNDS = 1000


def busy():
    return sum(range(ROUNDS))
