"""The sets that may be asked for by torchvision's name: where they lie, their checksums, how large they are.

Addresses and MD5 sums: torchvision 0.29's own (a test compares them with the one that is installed). Numbers
of pictures and classes: the sets' makers. Licences: those that a set's own page or repository states; where
none stands here, ask its makers before you use it for more than a look.
"""

from typing import NamedTuple

__all__ = ["KNOWN_SETS", "File", "KnownSet"]


class File(NamedTuple):
    """A file to fetch: where it may be had, its name here, its MD5."""

    addresses: tuple[str, ...]
    name: str
    md5: str


class KnownSet(NamedTuple):
    """A set by its name: its files, its pictures by split ("all" where it has none), classes, licence."""

    files: tuple[File, ...]
    pictures: dict[str, int]
    classes: int
    licence: str = ""


def _at(folder: str, *files: tuple[str, str]) -> tuple[File, ...]:
    """Files (name, MD5) of one folder of the web."""
    return tuple(File((folder + name,), name, md5) for name, md5 in files)


def _idx(mirrors: tuple[str, ...], *md5: str) -> tuple[File, ...]:
    """MNIST's four files, from any of some mirrors."""
    names = (
        f"{split}-{what}-ubyte.gz" for split in ("train", "t10k") for what in ("images-idx3", "labels-idx1")
    )
    return tuple(
        File(tuple(mirror + name for mirror in mirrors), name, one)
        for name, one in zip(names, md5, strict=True)
    )


_EMNIST = _at(
    "https://biometrics.nist.gov/cs_links/EMNIST/", ("gzip.zip", "58c8d27c78d21e728a6bc7b3cc06412e")
)
_FLOWERS = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
_IMAGENETTE = "https://s3.amazonaws.com/fast-ai-imageclas/"
_INATURALIST = "https://ml-inat-competition-datasets.s3.amazonaws.com/2021/"
_CLIP = "https://openaipublic.azureedge.net/clip/data/"
_TENTHS = {"train": 60_000, "test": 10_000}
_NETTE = {"train": 9_469, "val": 3_925}

KNOWN_SETS: dict[str, KnownSet] = {
    "CIFAR10": KnownSet(
        _at(
            "https://www.cs.toronto.edu/~kriz/",
            ("cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a"),
        ),
        {"train": 50_000, "test": 10_000},
        10,
    ),
    "CIFAR100": KnownSet(
        _at(
            "https://www.cs.toronto.edu/~kriz/",
            ("cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85"),
        ),
        {"train": 50_000, "test": 10_000},
        100,
    ),
    "MNIST": KnownSet(
        _idx(
            ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
        _TENTHS,
        10,
    ),
    "FashionMNIST": KnownSet(
        _idx(
            ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        _TENTHS,
        10,
        "MIT",
    ),
    "KMNIST": KnownSet(
        _idx(
            ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
        _TENTHS,
        10,
        "CC BY-SA 4.0",
    ),
    "QMNIST": KnownSet(
        _at(
            "https://raw.githubusercontent.com/facebookresearch/qmnist/master/",
            ("qmnist-train-images-idx3-ubyte.gz", "ed72d4157d28c017586c42bc6afe6370"),
            ("qmnist-train-labels-idx2-int.gz", "0058f8dd561b90ffdd0f734c6a30e5e4"),
            ("qmnist-test-images-idx3-ubyte.gz", "1394631089c404de565df7b7aeaf9412"),
            ("qmnist-test-labels-idx2-int.gz", "5b5b05890a5e13444e108efe57b788aa"),
        ),
        {"train": 60_000, "test": 60_000},
        10,
        "BSD",
    ),
    "EMNIST-balanced": KnownSet(_EMNIST, {"train": 112_800, "test": 18_800}, 47),
    "EMNIST-byclass": KnownSet(_EMNIST, {"train": 697_932, "test": 116_323}, 62),
    "EMNIST-bymerge": KnownSet(_EMNIST, {"train": 697_932, "test": 116_323}, 47),
    "EMNIST-letters": KnownSet(_EMNIST, {"train": 124_800, "test": 20_800}, 26),
    "EMNIST-digits": KnownSet(_EMNIST, {"train": 240_000, "test": 40_000}, 10),
    "EMNIST-mnist": KnownSet(_EMNIST, _TENTHS, 10),
    "USPS": KnownSet(
        _at(
            "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/",
            ("usps.bz2", "ec16c51db3855ca6c91edd34d0e9b197"),
            ("usps.t.bz2", "8ea070ee2aca1ac39742fdd1ef5ed118"),
        ),
        {"train": 7_291, "test": 2_007},
        10,
    ),
    "SEMEION": KnownSet(
        _at(
            "http://archive.ics.uci.edu/ml/machine-learning-databases/semeion/",
            ("semeion.data", "cb545d371d2ce14ec121470795a77432"),
        ),
        {"all": 1_593},
        10,
    ),
    "SVHN": KnownSet(
        _at(
            "http://ufldl.stanford.edu/housenumbers/",
            ("train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373"),
            ("test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3"),
        ),
        {"train": 73_257, "test": 26_032},
        10,
    ),
    "STL10": KnownSet(
        _at(
            "http://ai.stanford.edu/~acoates/stl10/",
            ("stl10_binary.tar.gz", "91f7769df0f17e558f3565bffb0c7dfb"),
        ),
        {"train": 5_000, "test": 8_000},
        10,
    ),
    "GTSRB": KnownSet(
        _at(
            "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/",
            ("GTSRB-Training_fixed.zip", "513f3c79a4c5141765e10e952eaa2478"),
            ("GTSRB_Final_Test_Images.zip", "c7e4e6327067d32654124b0fe9e82185"),
            ("GTSRB_Final_Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5"),
        ),
        {"train": 26_640, "test": 12_630},
        43,
    ),
    "Food101": KnownSet(
        _at("http://data.vision.ee.ethz.ch/cvl/", ("food-101.tar.gz", "85eeb15f3717b99a5da872d97d918f87")),
        {"train": 75_750, "test": 25_250},
        101,
    ),
    "Flowers102": KnownSet(
        _at(
            _FLOWERS,
            ("102flowers.tgz", "52808999861908f626f3c1f4e79d11fa"),
            ("imagelabels.mat", "e0620be6f572b9609742df49c70aed4d"),
            ("setid.mat", "a5357ecc9cb78c4bef273ce3793fc85c"),
        ),
        {"train": 1_020, "val": 1_020, "test": 6_149},
        102,
    ),
    "OxfordIIITPet": KnownSet(
        _at(
            "https://www.robots.ox.ac.uk/~vgg/data/pets/data/",
            ("images.tar.gz", "5c4f3ee8e5d25df40f4fd59a7f44e54c"),
            ("annotations.tar.gz", "95a8c909bbe2e81eed6a22bccdf3f68f"),
        ),
        {"train": 3_680, "test": 3_669},
        37,
        "CC BY-SA 4.0",
    ),
    "DTD": KnownSet(
        _at(
            "https://www.robots.ox.ac.uk/~vgg/data/dtd/download/",
            ("dtd-r1.0.1.tar.gz", "fff73e5086ae6bdbea199a49dfb8a4c1"),
        ),
        {"train": 1_880, "val": 1_880, "test": 1_880},
        47,
    ),
    "EuroSAT": KnownSet(
        _at(
            "https://huggingface.co/datasets/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/",
            ("EuroSAT.zip", "c8fa014336c82ac7804f0398fcb19387"),
        ),
        {"all": 27_000},
        10,
        "MIT",
    ),
    "Caltech101": KnownSet(
        _at(
            "https://data.caltech.edu/records/mzrjq-6wc02/files/",
            ("caltech-101.zip", "3138e1922a9193bfa496528edbbc45d0"),
        ),
        {"all": 8_677},
        101,
        "CC BY 4.0",
    ),
    "Caltech256": KnownSet(
        _at(
            "https://data.caltech.edu/records/nyy15-4j048/files/",
            ("256_ObjectCategories.tar", "67b4f42ca05d46448c6bb8ecd2220f6d"),
        ),
        {"all": 30_607},
        257,
        "CC BY 4.0",
    ),
    "Country211": KnownSet(
        _at(_CLIP, ("country211.tgz", "84988d7644798601126c29e9877aab6a")),
        {"train": 31_650, "val": 10_550, "test": 21_100},
        211,
    ),
    "RenderedSST2": KnownSet(
        _at(_CLIP, ("rendered-sst2.tgz", "2384d08e9dcfa4bd55b324e610496ee5")),
        {"train": 6_920, "val": 872, "test": 1_821},
        2,
    ),
    "SUN397": KnownSet(
        _at(
            "http://vision.princeton.edu/projects/2010/SUN/",
            ("SUN397.tar.gz", "8ca2778205c41d23104230ba66911c7a"),
        ),
        {"all": 108_754},
        397,
    ),
    "Imagenette": KnownSet(
        _at(_IMAGENETTE, ("imagenette2-160.tgz", "e793b78cc4c9e9a4ccc0c1155377a412")),
        _NETTE,
        10,
        "Apache 2.0",
    ),
    "Imagenette-320": KnownSet(
        _at(_IMAGENETTE, ("imagenette2-320.tgz", "3df6f0d01a2c9592104656642f5e78a3")),
        _NETTE,
        10,
        "Apache 2.0",
    ),
    "Imagenette-full": KnownSet(
        _at(_IMAGENETTE, ("imagenette2.tgz", "fe2fc210e6bb7c5664d602c3cd71e612")), _NETTE, 10, "Apache 2.0"
    ),
    "Omniglot": KnownSet(
        _at(
            "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/",
            ("images_background.zip", "68d2efa1b9178cc56df9314c21c6e718"),
        ),
        {"all": 19_280},
        964,
        "MIT",
    ),
    "Places365": KnownSet(
        _at(
            "http://data.csail.mit.edu/places/places365/",
            ("train_256_places365standard.tar", "53ca1c756c3d1e7809517cc47c5561c5"),
            ("val_256.tar", "e27b17d8d44f4af9a78502beb927f808"),
            ("filelist_places365-standard.tar", "35a0585fee1fa656440f3ab298f8479c"),
        ),
        {"train": 1_803_460, "val": 36_500},
        365,
    ),
    "INaturalist": KnownSet(
        _at(
            _INATURALIST,
            ("train_mini.tar.gz", "db6ed8330e634445efc8fec83ae81442"),
            ("val.tar.gz", "f6f6e0e242e3d4c9569ba56400938afc"),
        ),
        {"train": 500_000, "val": 100_000},
        10_000,
    ),
}
"""By name; behind a hyphen stands which of several kinds of the set."""
