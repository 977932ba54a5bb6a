"""Where pictures come from: each kind lists its entries cheaply and streams their contents in the same order.

folder, .tar, .tar.gz, .tgz   class folders, with or without split folders      pictures.py
.csv                          path,label and, if wanted, split                  table.py
IDX files                     MNIST, Fashion-MNIST, in a folder or a tar        idx.py
CIFAR batches                 both versions, in a folder or a tar               cifar.py
digits                        scikit-learn's own 1,797                          digits.py
"""

from alexnet.dataset.sources.entry import SPLITS, Content, Entry, PassedOver, Read, Source
from alexnet.dataset.sources.opening import open_source

__all__ = ["SPLITS", "Content", "Entry", "PassedOver", "Read", "Source", "open_source"]
