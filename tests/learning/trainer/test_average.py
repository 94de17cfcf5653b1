from pathlib import Path

import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.learning.trainer.average import averaged, main
from lipiyana.vehicles.training.export_detector import export_float, load_checkpoint
from lipiyana.vehicles.training.network import DetectorNet


def _network(seed: int, classes: int = 13) -> DetectorNet:
    torch.manual_seed(seed)
    return DetectorNet(classes)


def _save(net: DetectorNet, path: Path) -> Path:
    torch.save({"average": net.state_dict()}, path)
    return path


def test_a_checkpoint_and_a_twin_are_averaged_by_their_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = _network(1), _network(2)
    checkpoint, twin = _save(first, tmp_path / "first.pt"), tmp_path / "second.onnx"
    export_float(second, twin)
    out = tmp_path / "averaged.pt"
    monkeypatch.setattr("sys.argv", ["average", f"{checkpoint}=3", str(twin), "--out", str(out)])
    main()

    state, of_first = load_checkpoint(out).state_dict(), first.state_dict()
    for name, value in second.half().float().state_dict().items():
        torch.testing.assert_close(state[name], 0.75 * of_first[name] + 0.25 * value)


def test_different_networks_cannot_be_averaged(tmp_path: Path) -> None:
    paths = [_save(_network(1), tmp_path / "13.pt"), _save(_network(1, 5), tmp_path / "5.pt")]
    with pytest.raises(ValueError, match=r"layers of .*5\.pt and .*13\.pt differ"):
        averaged(paths, [1, 1])
    with pytest.raises(ValueError, match="shares must be greater than 0"):
        averaged(paths[:1], [0])
