"""`python -m genai_core.data mnist fashion` fetches data sets into the folder `GENAI_DATA`."""

import sys

from genai_core.data import DataError, fetching, load

if __name__ == "__main__":
    for set_name in sys.argv[1:] or ("mnist", "fashion"):
        try:
            if set_name in fetching.SIZES:
                list(fetching.fetch(set_name))
            print(set_name, *(tuple(load(set_name, split, download=True)[0].shape) for split in ("train", "test")))
        except DataError as error:
            sys.exit(str(error))
