"""Runs in an interpreter with Paddle: builds small models in PP-OCR's format, and runs them.

python paddle_models.py build recognizer|detector FOLDER
python paddle_models.py read FOLDER PICTURE.npy OUT.npz
"""

import sys
from pathlib import Path

import numpy as np
import paddle
import yaml
from paddle import nn

CHARACTERS = [chr(c) for c in range(0x21, 0x7F)]


class Recognizer(nn.Layer):
    """A small CRNN: convolutions, a recurrent layer over time, probabilities."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2D(3, 16, 3, stride=2, padding=1),
            nn.BatchNorm2D(16),
            nn.ReLU(),
            nn.Conv2D(16, 32, 3, stride=2, padding=1),
            nn.BatchNorm2D(32),
            nn.Hardswish(),
            nn.Conv2D(32, 48, 3, stride=(2, 1), padding=1),
            nn.ReLU(),
        )
        self.time = nn.LSTM(48, 24, direction="bidirect")
        self.head = nn.Linear(48, classes)

    def forward(self, x):
        x = self.body(x).mean(axis=2).transpose([0, 2, 1])
        x, _ = self.time(x)
        return nn.functional.softmax(8 * self.head(x), axis=2)


class Detector(nn.Layer):
    """Two strides down, two up, a map of probabilities, as DB's."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2D(3, 8, 3, stride=2, padding=1),
            nn.BatchNorm2D(8),
            nn.ReLU(),
            nn.Conv2D(8, 16, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.up = nn.Sequential(
            nn.Conv2DTranspose(16, 8, 2, stride=2),
            nn.ReLU(),
            nn.Conv2DTranspose(8, 1, 2, stride=2),
        )

    def forward(self, x):
        return nn.functional.sigmoid(8 * self.up(self.down(x)))


def build(kind: str, folder: Path) -> None:
    paddle.seed(3)
    recognizer = kind == "recognizer"
    net = Recognizer(len(CHARACTERS) + 2) if recognizer else Detector()
    net.train()
    for _ in range(3):  # running means that are not zero
        net(paddle.randn([4, 3, 48, 64]))
    net.eval()
    shape = [-1, 3, 48, -1] if recognizer else [-1, 3, -1, -1]
    spec = [paddle.static.InputSpec(shape, "float32", name="x")]
    paddle.jit.save(paddle.jit.to_static(net, input_spec=spec), str(folder / "inference"))
    decode = {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}}
    if recognizer:
        steps = [decode, {"RecResizeImg": {"image_shape": [3, 48, 320]}}]
        after = {"name": "CTCLabelDecode", "character_dict": CHARACTERS}
        name = "PP-OCRv5_mobile_rec"
    else:
        normalize = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
        steps = [
            decode,
            {"DetResizeForTest": {"resize_long": 960}},
            {"NormalizeImage": {**normalize, "order": "hwc", "scale": "1./255."}},
            {"ToCHWImage": None},
        ]
        after = {"name": "DBPostProcess", "thresh": 0.3, "box_thresh": 0.6, "unclip_ratio": 1.5}
        name = "PP-OCRv5_mobile_det"
    described = {
        "Global": {"model_name": name},
        "PreProcess": {"transform_ops": steps},
        "PostProcess": after,
    }
    (folder / "inference.yml").write_text(yaml.safe_dump(described, allow_unicode=True), "utf-8")


def read(folder: Path, picture: Path, out: Path) -> None:
    """Store Paddle's output for a batch, and paddleocr's reading of a picture (H, W, 3) BGR."""
    net = paddle.jit.load(str(folder / "inference"))
    given = np.load(picture)
    answer = net(paddle.to_tensor(given["batch"])).numpy()
    text, score = "", 0.0
    if "picture" in given:
        from paddleocr import TextRecognition

        reader = TextRecognition(model_name="PP-OCRv5_mobile_rec", model_dir=str(folder))
        (result,) = reader.predict([np.ascontiguousarray(given["picture"])])
        text, score = result["rec_text"], result["rec_score"]
    np.savez(out, answer=answer, text=text, score=score)


if __name__ == "__main__":
    command, first, *rest = sys.argv[1:]
    if command == "build":
        build(first, Path(rest[0]))
    else:
        read(Path(first), *map(Path, rest))
