"""The data sets that are known by name: what they are, where they lie, and how one gets them."""

from __future__ import annotations

from collections.abc import Mapping

from kdaudit.data.data_set import DataSet, Split
from kdaudit.data.preprocessing import PRESETS
from kdaudit.types import StatedPreprocess

_ROOT = "and set --data-root DATA_ROOT or KDAUDIT_DATA_ROOT"
_IDX = (
    "t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz (for training train-images-idx3-ubyte.gz and "
    "train-labels-idx1-ubyte.gz)"
)


_DIGITS = tuple(str(digit) for digit in range(10))
_IMAGENETTE = (
    *("tench", "English springer", "cassette player", "chain saw", "church"),
    *("French horn", "garbage truck", "gas pump", "golf ball", "parachute"),
)
_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
_URBAN = (
    *("air_conditioner", "car_horn", "children_playing", "dog_bark", "drilling"),
    *("engine_idling", "gun_shot", "jackhammer", "siren", "street_music"),
)
# Of the box around the letter, of its dark pixels, and of its edges.
_LETTER = (
    *("x-box", "y-box", "width", "high", "onpix", "x-bar", "y-bar", "x2bar"),
    *("y2bar", "xybar", "x2ybr", "xy2br", "x-ege", "xegvy", "y-ege", "yegvx"),
)
_VALIDATION: Mapping[Split, str] = {"train": "train", "test": "validation"}

_PICTURES = (
    DataSet(
        name="imagenet",
        title="ImageNet, ILSVRC 2012",
        modality="pictures",
        layout="imagenet",
        n={"train": 1_281_167, "test": 50_000},
        classes=1000,
        folders=("imagenet", "ILSVRC2012", "ImageNet", "imagenet-1k", ""),
        usual=PRESETS["imagenet"],
        licence="research and education only; terms of image-net.org",
        homepage="https://image-net.org",
        get="put the pictures into DATA_ROOT/imagenet/val/<class>/*.JPEG (n01440764 ...), or "
        "ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz, as they are, into DATA_ROOT/imagenet, "
        "or unpack Kaggle's imagenet-object-localization-challenge.zip there; for imagenet-train the pictures into "
        f"DATA_ROOT/imagenet/train/<class>/*.JPEG or ILSVRC2012_img_train.tar into DATA_ROOT/imagenet; {_ROOT}",
    ),
    DataSet(
        name="imagenette",
        title="Imagenette: ten easy classes of ImageNet",
        modality="pictures",
        layout="imagenette",
        n={"train": 9_469, "test": 3_925},
        classes=_IMAGENETTE,
        folders=("imagenette2", "imagenette2-320", "imagenette2-160", "imagenette"),
        usual=PRESETS["imagenet"],
        licence="Apache-2.0 (the collection); pictures as ImageNet",
        homepage="https://github.com/fastai/imagenette",
        get=f"unpack imagenette2.tgz into DATA_ROOT {_ROOT}; or --download",
        torchvision="Imagenette",
    ),
    DataSet(
        name="cifar10",
        title="CIFAR-10",
        modality="pictures",
        layout="cifar",
        n={"train": 50_000, "test": 10_000},
        classes=_CIFAR10,
        folders=("cifar-10-batches-py", "cifar10/cifar-10-batches-py"),
        usual=PRESETS["cifar10"],
        licence="none stated",
        homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
        get=f"unpack cifar-10-python.tar.gz into DATA_ROOT {_ROOT}; or --download",
        hub="uoft-cs/cifar10",
        torchvision="CIFAR10",
    ),
    DataSet(
        name="cifar100",
        title="CIFAR-100",
        modality="pictures",
        layout="cifar",
        n={"train": 50_000, "test": 10_000},
        classes=100,
        folders=("cifar-100-python", "cifar100/cifar-100-python"),
        usual=StatedPreprocess(mean=(0.5071, 0.4867, 0.4408), std=(0.2675, 0.2565, 0.2761)),
        licence="none stated",
        homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
        get=f"unpack cifar-100-python.tar.gz into DATA_ROOT {_ROOT}; or --download",
        hub="uoft-cs/cifar100",
        hub_label="fine_label",
        torchvision="CIFAR100",
    ),
    DataSet(
        name="svhn",
        title="Street View House Numbers",
        modality="pictures",
        layout="svhn",
        n={"train": 73_257, "test": 26_032},
        classes=_DIGITS,
        folders=("svhn", "SVHN", ""),
        usual=StatedPreprocess(mean=(0.4377, 0.4438, 0.4728), std=(0.1980, 0.2010, 0.1970)),
        licence="non-commercial use",
        homepage="http://ufldl.stanford.edu/housenumbers",
        get=f"put test_32x32.mat and train_32x32.mat into DATA_ROOT/svhn {_ROOT}; or --download",
        torchvision="SVHN",
    ),
    DataSet(
        name="tiny-imagenet",
        title="Tiny ImageNet",
        modality="pictures",
        layout="tiny-imagenet",
        n={"train": 100_000, "test": 10_000},
        classes=200,
        folders=("tiny-imagenet-200", "tiny-imagenet"),
        usual=StatedPreprocess(mean=PRESETS["imagenet"].mean, std=PRESETS["imagenet"].std),
        licence="as ImageNet",
        homepage="http://cs231n.stanford.edu",
        get=f"unpack tiny-imagenet-200.zip into DATA_ROOT {_ROOT}",
    ),
    DataSet(
        name="fashion-mnist",
        title="Fashion-MNIST",
        modality="pictures",
        layout="idx",
        n={"train": 60_000, "test": 10_000},
        classes=_FASHION,
        folders=("fashion-mnist", "FashionMNIST/raw", ""),
        licence="MIT",
        homepage="https://github.com/zalandoresearch/fashion-mnist",
        get="install Debian's dataset-fashion-mnist, or "
        f"put {_IDX} into DATA_ROOT/fashion-mnist {_ROOT}; or --download",
        hub="zalando-datasets/fashion_mnist",
        torchvision="FashionMNIST",
    ),
    DataSet(
        name="mnist",
        title="MNIST",
        modality="pictures",
        layout="idx",
        n={"train": 60_000, "test": 10_000},
        classes=_DIGITS,
        folders=("mnist", "MNIST/raw"),
        licence="CC BY-SA 3.0",
        homepage="http://yann.lecun.com/exdb/mnist",
        get=f"put {_IDX} into DATA_ROOT/mnist {_ROOT}; or --download",
        hub="ylecun/mnist",
        torchvision="MNIST",
    ),
)
_SOUNDS = (
    DataSet(
        name="speechcommands",
        title="Speech Commands v0.02: one word a second, 16 kHz",
        modality="sounds",
        layout="speechcommands",
        n={"train": 84_843, "test": 11_005},
        classes=35,
        folders=("SpeechCommands/speech_commands_v0.02", "speech_commands_v0.02", "speechcommands"),
        licence="CC BY 4.0",
        homepage="https://arxiv.org/abs/1804.03209",
        get=f"unpack speech_commands_v0.02.tar.gz into DATA_ROOT/speech_commands_v0.02 {_ROOT}",
    ),
    DataSet(
        name="urbansound8k",
        title="UrbanSound8K: street noises of up to four seconds; test is fold 10",
        modality="sounds",
        layout="urbansound8k",
        n={"train": 7_895, "test": 837},
        classes=_URBAN,
        folders=("UrbanSound8K", "urbansound8k"),
        licence="CC BY-NC 3.0",
        homepage="https://urbansounddataset.weebly.com/urbansound8k.html",
        get=f"unpack UrbanSound8K.tar.gz into DATA_ROOT {_ROOT}",
    ),
    DataSet(
        name="esc50",
        title="ESC-50: environmental sounds of five seconds, 44.1 kHz; test is fold 5",
        modality="sounds",
        layout="esc50",
        n={"train": 1_600, "test": 400},
        classes=50,
        folders=("ESC-50-master", "ESC-50", "esc50"),
        licence="CC BY-NC 3.0",
        homepage="https://github.com/karolpiczak/ESC-50",
        get=f"unpack ESC-50-master.zip into DATA_ROOT {_ROOT}",
    ),
)
_TEXTS = (
    DataSet(
        name="ag-news",
        title="AG News: titles and first sentences",
        modality="texts",
        layout="ag-news",
        n={"train": 120_000, "test": 7_600},
        classes=("World", "Sports", "Business", "Sci/Tech"),
        folders=("ag_news_csv", "ag_news", "ag-news"),
        licence="non-commercial use",
        homepage="http://groups.di.unipi.it/~gulli/AG_corpus_of_news_articles.html",
        get=f"put train.csv and test.csv into DATA_ROOT/ag_news {_ROOT}; or --download",
        hub="fancyzhx/ag_news",
    ),
    DataSet(
        name="sst2",
        title="SST-2: sentences of film reviews; test is GLUE's labelled development set",
        modality="texts",
        layout="sst2",
        n={"train": 67_349, "test": 872},
        classes=("negative", "positive"),
        folders=("SST-2", "sst2", "glue/SST-2"),
        licence="none stated",
        homepage="https://nlp.stanford.edu/sentiment",
        get=f"unpack GLUE's SST-2.zip into DATA_ROOT {_ROOT}; or --download",
        hub="stanfordnlp/sst2",
        hub_splits=_VALIDATION,
    ),
    DataSet(
        name="imdb",
        title="IMDB: film reviews",
        modality="texts",
        layout="imdb",
        n={"train": 25_000, "test": 25_000},
        classes=("neg", "pos"),
        folders=("aclImdb", "imdb"),
        licence="none stated",
        homepage="https://ai.stanford.edu/~amaas/data/sentiment",
        get=f"unpack aclImdb_v1.tar.gz into DATA_ROOT {_ROOT}; or --download",
        hub="stanfordnlp/imdb",
    ),
    DataSet(
        name="tiny-shakespeare",
        title="Tiny Shakespeare: one text; test is its last tenth",
        modality="characters",
        layout="tiny-shakespeare",
        n={"train": 1_003_854, "test": 111_540},
        classes=65,
        folders=("tinyshakespeare", "tiny-shakespeare", "tiny_shakespeare"),
        licence="public domain",
        homepage="https://github.com/karpathy/char-rnn",
        get=f"put input.txt into DATA_ROOT/tinyshakespeare {_ROOT}",
    ),
)
_BUNDLED = (
    DataSet(
        name="digits",
        title="Handwritten digits, 8 x 8 pixels; train is the first 1,000",
        modality="numbers",
        layout="bundled",
        n={"train": 1_000, "test": 797},
        classes=_DIGITS,
        usual=StatedPreprocess(scale=1 / 16),
        licence="CC BY 4.0",
        homepage="https://doi.org/10.24432/C50P49",
        get="it is bundled",
    ),
    DataSet(
        name="letter",
        title="Letter recognition: capital letters, 16 measurements; train is the first 16,000",
        modality="numbers",
        layout="bundled",
        n={"train": 16_000, "test": 4_000},
        classes=tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        features=_LETTER,
        usual=StatedPreprocess(scale=1 / 15),
        licence="CC BY 4.0",
        homepage="https://doi.org/10.24432/C5ZP40",
        get="it is bundled",
    ),
)

DATA_SETS = {record.name: record for record in (*_PICTURES, *_SOUNDS, *_TEXTS, *_BUNDLED)}
