"""Where pictures come from: each kind lists its entries cheaply and streams their contents in the same order.

folder, .tar, .tar.gz, .zip   class folders, with or without split folders      pictures.py
ILSVRC as distributed         a tar of tars, numbered pictures, a kit           ilsvrc.py
Tiny ImageNet                 a table of validation classes                     tiny_imagenet.py
.csv, .parquet                path,label and, if wanted, split                  table.py
Hugging Face on the disk      Parquet or Arrow with a column of pictures        hugging_face.py
WebDataset shards             tars of samples                                   shards.py
IDX files                     MNIST, Fashion-MNIST, in a folder or a tar        idx.py
CIFAR batches                 both versions, in a folder or a tar               cifar.py
digits                        scikit-learn's own 1,797                          digits.py
torchvision:NAME              CIFAR10, Food101 …, fetched and verified          known.py
.json                         several of them as one, label maps, subsets       described.py
"""

from alexnet.dataset.sources.entry import (
    SPLITS,
    UNLABELLED,
    Content,
    Entry,
    Passed,
    PassedOver,
    Read,
    Source,
)
from alexnet.dataset.sources.opening import open_source, open_unlabelled
from alexnet.dataset.sources.selected import read_class_names, read_label_map, relabel, select_classes

__all__ = [
    "SPLITS",
    "UNLABELLED",
    "Content",
    "Entry",
    "Passed",
    "PassedOver",
    "Read",
    "Source",
    "open_source",
    "open_unlabelled",
    "read_class_names",
    "read_label_map",
    "relabel",
    "select_classes",
]
