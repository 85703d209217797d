"""Play one seed again and tell everything that happens: ``python tests/simulation/replay.py SEED``."""

import sys

from world import World

if __name__ == "__main__":
    print(dict(World(int(sys.argv[1]), verbose=True).run()))
