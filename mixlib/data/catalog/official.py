"""Published datasets: rows with official sizes, archives and checksums.

Split sizes and classes are the official ones. AutoMix's appendix A.1 gives Tiny-ImageNet 10,000
training images; the archive has 100,000 (500 a class). Checksums are those that the datasets'
owners, or the widely used readers of torchvision, publish.
"""

from __future__ import annotations

from mixlib.data.catalog.row import CIFAR_MEAN, CIFAR_STD, OWN, Archive, Dataset

_KRIZHEVSKY = "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009"
_LE = "Le and Yang: Tiny ImageNet Visual Recognition Challenge, Stanford CS 231N, 2015"
_RUSSAKOVSKY = "Russakovsky et al.: ImageNet Large Scale Visual Recognition Challenge, IJCV 2015"
_WAH = "Wah et al.: The Caltech-UCSD Birds-200-2011 Dataset, CNS-TR-2011-001, 2011"
_VAN_HORN = (
    "Van Horn et al.: The iNaturalist Species Classification and Detection Dataset, CVPR 2018"
)
_EVERINGHAM = "Everingham et al.: The Pascal Visual Object Classes Challenge, IJCV 2010"
_LIN = "Lin et al.: Microsoft COCO: Common Objects in Context, ECCV 2014"
_HENDRYCKS = (
    "Hendrycks and Dietterich: Benchmarking Neural Network Robustness to Common Corruptions and "
    "Perturbations, ICLR 2019"
)
_ZHOU = "Zhou et al.: Scene Parsing through ADE20K Dataset, CVPR 2017"
_ZENODO = "https://zenodo.org/records/"
_CIFAR_HOST = "https://www.cs.toronto.edu/~kriz/"
_VOC_HOST = "https://thor.robots.ox.ac.uk/pascal/VOC/"
_COCO_HOST = "http://images.cocodataset.org/"
_INAT_HOST = "https://ml-inat-competition-datasets.s3.amazonaws.com/"

CLASSIFICATION = (
    Dataset(
        *("cifar10", "CIFAR-10", "cifar", "cifar-pickle", 10, 32),
        splits=(("train", 50_000), ("test", 10_000)),
        citation=_KRIZHEVSKY,
        folder="cifar-10-batches-py",
        per_class=(("train", 5_000, 5_000), ("test", 1_000, 1_000)),
        gib=0.4,
        needs=(("data_batch_1", 30_000_000), ("test_batch", 30_000_000)),
        archives=(
            Archive(_CIFAR_HOST + "cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a"),
        ),
        mean=CIFAR_MEAN,
        std=CIFAR_STD,
    ),
    Dataset(
        *("cifar100", "CIFAR-100", "cifar", "cifar-pickle", 100, 32),
        splits=(("train", 50_000), ("test", 10_000)),
        citation=_KRIZHEVSKY,
        folder="cifar-100-python",
        per_class=(("train", 500, 500), ("test", 100, 100)),
        gib=0.4,
        needs=(("train", 150_000_000), ("test", 30_000_000), ("meta", 1)),
        archives=(
            Archive(_CIFAR_HOST + "cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85"),
        ),
        mean=CIFAR_MEAN,
        std=CIFAR_STD,
    ),
    Dataset(
        *("tiny_imagenet", "Tiny-ImageNet", "tiny", "tiny-imagenet", 200, 64),
        splits=(("train", 100_000), ("val", 10_000)),
        citation=_LE,
        folder="tiny-imagenet-200",
        per_class=(("train", 500, 500), ("val", 50, 50)),
        gib=0.8,
        needs=(("wnids.txt", 1_900), ("val/val_annotations.txt", 250_000), ("train", 0)),
        archives=(
            Archive(
                "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
                "90528d7ca1a48142e341f4ef8d21d0de",
            ),
        ),
    ),
    Dataset(
        *("imagenet", "ImageNet-1k", "imagenet", "imagefolder", 1000, 224),
        splits=(("train", 1_281_167), ("val", 50_000)),
        citation=_RUSSAKOVSKY,
        folder="imagenet",
        # Russakovsky et al., table 2
        per_class=(("train", 732, 1_300), ("val", 50, 50)),
        gib=300,
        needs=(("train/n01440764", 0), ("train/n15075141", 0), ("val/n01440764", 0)),
        how=(
            "register at https://image-net.org, download ILSVRC2012_img_train.tar (md5 "
            "1d675b47d978889d74fa0da5fadfb00e) and ILSVRC2012_img_val.tar (md5 "
            "29b22e2961454d5413ddabcf34fc5622), and unpack them to imagenet/train/<wnid>/*.JPEG "
            "and imagenet/val/<wnid>/*.JPEG"
        ),
    ),
    Dataset(
        *("imagenet100", "ImageNet-100", "imagenet", "imagenet100", 100, 224),
        # 50 validation images a class; how many there are to train on depends on the classes
        splits=(("train", 0), ("val", 5_000)),
        citation=_RUSSAKOVSKY,
        folder="imagenet",
        needs=(("train", 0), ("val", 0)),
        how=(
            "unpack ImageNet as for `imagenet` (at least the hundred classes), and put the list of "
            "classes beside it, imagenet100.txt with one synset a line; without a list, the first "
            "hundred synsets are used"
        ),
        identity="chosen",
    ),
    Dataset(
        *("imagefolder", "image folder", "folder", "imagefolder", 0, 224),
        splits=(("train", 0), ("val", 0)),
        citation=OWN,
        folder="imagefolder",
        needs=(("train", 0), ("val", 0)),
        how="put your images into imagefolder/train/<class>/* and imagefolder/val/<class>/*",
        identity="measured",
    ),
    Dataset(
        *("cub200", "CUB-200-2011", "fine", "cub", 200, 224),
        splits=(("train", 5_994), ("test", 5_794)),
        citation=_WAH,
        folder="CUB_200_2011",
        gib=2.4,
        needs=(("images.txt", 500_000), ("bounding_boxes.txt", 200_000), ("images", 0)),
        archives=(
            Archive(
                "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz",
                "97eceeb196236b17998738112f37df78",
            ),
        ),
    ),
    Dataset(
        *("aircraft", "FGVC-Aircraft", "fine", "aircraft", 100, 224),
        splits=(("trainval", 6_667), ("test", 3_333)),
        citation="Maji et al.: Fine-Grained Visual Classification of Aircraft, arXiv 1306.5151",
        folder="fgvc-aircraft-2013b",
        needs=(("data/images_variant_trainval.txt", 60_000), ("data/images", 0)),
        archives=(
            Archive(
                "https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/"
                "fgvc-aircraft-2013b.tar.gz"
            ),
        ),
    ),
    Dataset(
        *("inat2017", "iNaturalist 2017", "inat", "inat", 5089, 224),
        splits=(("train", 579_184), ("val", 95_986)),
        citation=_VAN_HORN,
        folder="inat2017",
        needs=(("train2017.json", 1_000_000), ("val2017.json", 1_000_000), ("train_val_images", 0)),
        archives=(
            Archive(
                _INAT_HOST + "2017/train_val_images.tar.gz",
                "7c784ea5e424efaec655bd392f87301f",
                "inat2017",
            ),
            Archive(
                _INAT_HOST + "2017/train_val2017.zip",
                "444c835f6459867ad69fcb36478786e7",
                "inat2017",
            ),
        ),
    ),
    Dataset(
        *("inat2018", "iNaturalist 2018", "inat", "inat", 8142, 224),
        # 437,513 by its owners' page; AutoMix's appendix says 437,512.
        splits=(("train", 437_513), ("val", 24_426)),
        citation=_VAN_HORN,
        folder="inat2018",
        needs=(("train2018.json", 1_000_000), ("val2018.json", 1_000_000), ("train_val2018", 0)),
        archives=(
            Archive(
                _INAT_HOST + "2018/train_val2018.tar.gz",
                "b1c6952ce38f31868cc50ea72d066cc3",
                "inat2018",
            ),
            Archive(
                _INAT_HOST + "2018/train2018.json.tar.gz",
                "bfa29d89d629cbf04d826a720c0a68b0",
                "inat2018",
            ),
            Archive(
                _INAT_HOST + "2018/val2018.json.tar.gz",
                "f2ed8bfe3e9901cdefceb4e53cd3775d",
                "inat2018",
            ),
        ),
    ),
    Dataset(
        *("places205", "Places205", "places", "list", 205, 224),
        splits=(("train", 2_448_873), ("val", 20_500)),
        citation="Zhou et al.: Learning Deep Features for Scene Recognition, NIPS 2014",
        folder="places205",
        needs=(("train_places205.csv", 1_000_000), ("val_places205.csv", 100_000), ("images", 0)),
        how=(
            "request access at http://places.csail.mit.edu/downloadData.html, unpack the resized "
            "images to places205/images and the split lists to places205/{train,val}_places205.csv"
        ),
    ),
)

DETECTION = (
    Dataset(
        *("voc0712", "Pascal VOC 2007+2012", "voc", "voc", 20, 500),
        splits=(("trainval0712", 16_551), ("test2007", 4_952)),
        citation=_EVERINGHAM,
        folder="VOCdevkit",
        gib=6,
        needs=(
            ("VOC2007/ImageSets/Main/trainval.txt", 30_000),
            ("VOC2007/ImageSets/Main/test.txt", 30_000),
            ("VOC2012/ImageSets/Main/trainval.txt", 100_000),
        ),
        archives=(
            Archive(
                _VOC_HOST + "voc2007/VOCtrainval_06-Nov-2007.tar",
                "c52e279531787c972589f7e41ab4ae64",
            ),
            Archive(
                _VOC_HOST + "voc2007/VOCtest_06-Nov-2007.tar", "b6e924de25625d8de591ea690078ad9f"
            ),
            Archive(
                _VOC_HOST + "voc2012/VOCtrainval_11-May-2012.tar",
                "6cd6e144f989b92b3379bac3b3de84fd",
            ),
        ),
    ),
    Dataset(
        *("coco2017", "COCO 2017", "coco", "coco", 80, 640),
        splits=(("train2017", 118_287), ("val2017", 5_000)),
        citation=_LIN,
        folder="coco",
        gib=42,
        needs=(
            ("annotations/instances_train2017.json", 400_000_000),
            ("annotations/instances_val2017.json", 15_000_000),
            ("train2017", 0),
            ("val2017", 0),
        ),
        archives=(
            Archive(_COCO_HOST + "zips/train2017.zip", "cced6f7f71b7629ddf16f17bbcfab6b2", "coco"),
            Archive(_COCO_HOST + "zips/val2017.zip", "442b8da7639aecaf257c1dceb8ba8c80", "coco"),
            Archive(
                _COCO_HOST + "annotations/annotations_trainval2017.zip",
                "f4bbac642086de4f52a3fdda2de5fa2c",
                "coco",
            ),
        ),
    ),
)

CORRUPTED = (
    Dataset(
        *("cifar10_c", "CIFAR-10-C", "cifar", "cifar-c", 10, 32),
        splits=(("test", 10_000),),
        citation=_HENDRYCKS,
        folder="CIFAR-10-C",
        needs=(("labels.npy", 50_000), ("zoom_blur.npy", 150_000_000)),
        archives=(
            Archive(_ZENODO + "2535967/files/CIFAR-10-C.tar", "56bf5dcef84df0e2308c6dcbcbbd8499"),
        ),
        mean=CIFAR_MEAN,
        std=CIFAR_STD,
    ),
    Dataset(
        *("cifar100_c", "CIFAR-100-C", "cifar", "cifar-c", 100, 32),
        splits=(("test", 10_000),),
        citation=_HENDRYCKS,
        folder="CIFAR-100-C",
        needs=(("labels.npy", 50_000), ("zoom_blur.npy", 150_000_000)),
        archives=(
            Archive(_ZENODO + "3555552/files/CIFAR-100-C.tar", "11f0ed0f1191edbf9fa23466ae6021d3"),
        ),
        mean=CIFAR_MEAN,
        std=CIFAR_STD,
    ),
    Dataset(
        *("imagenet_c", "ImageNet-C", "imagenet", "imagenet-c", 1000, 224),
        splits=(("val", 50_000),),
        citation=_HENDRYCKS,
        folder="ImageNet-C",
        needs=(("noise/gaussian_noise/1/n01440764", 0), ("extra/saturate/5/n15075141", 0)),
        how=(
            f"download blur.tar, digital.tar, extra.tar, noise.tar and weather.tar of "
            f"{_ZENODO}2235448 and unpack them to ImageNet-C/<group>/<corruption>/<1 to 5>/<wnid>"
        ),
    ),
)

SEGMENTATION = (
    Dataset(
        *("ade20k", "ADE20K", "scenes", "ade20k", 150, 512),
        splits=(("train", 20_210), ("val", 2_000)),
        citation=_ZHOU,
        folder="ADEChallengeData2016",
        needs=(("objectInfo150.txt", 1_000), ("images/training", 0), ("annotations/training", 0)),
        archives=(
            Archive(
                "http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip",
                "7328b3957e407ddae1d3cbf487f149ef",
            ),
        ),
    ),
)
