"""Who does this server say it is? Qdrant's title and version, because clients check them, and our
own.
"""

from ruvector.model.version import NAME as NAME
from ruvector.model.version import own_version

QDRANT_TITLE = "qdrant - vector search engine"
QDRANT_VERSION = "1.19.0"  # clients 1.18 to 1.20 accept it without a warning
COMMIT = "0" * 40  # builds do not record theirs; clients want 40 hexadecimal digits
VERSION = own_version()
