"""``python -m liveproto_conformance`` is ``liveproto``."""

from liveproto_conformance.entry import main

if __name__ == "__main__":
    main()
