"""Small folders as FunASR has them, with random parameters."""

import yaml

from sertools.extras import require
from sertools.models._funasr import network, settings

NINE = [
    *("生气/angry", "厌恶/disgusted", "恐惧/fearful", "开心/happy", "中立/neutral"),
    *("其他/other", "难过/sad", "吃惊/surprised", "<unk>"),
]
FIVE = [
    *("生气/angry", "unuse_0", "unuse_1", "开心/happy", "中立/neutral"),
    *("unuse_2", "难过/sad", "unuse_3", "<unk>"),
]


def small(width=768, **audio):
    """Give settings of a small network of the right width."""
    made = settings(width, width // 64, 2, 2, 32, 2)
    made["modalities"]["audio"] |= audio
    return made


def write(folder, tokens=NINE, conf=None, change=None, outputs=None, wrap=None, **more):
    """Write config.yaml, model.pt and tokens.txt, and give the folder.

    `change` alters the parameters before they are saved, `wrap` what is saved;
    `more` are further entries of config.yaml.
    """
    torch = require("torch")
    folder.mkdir(exist_ok=True)
    conf = conf or small()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        made = network(conf, len(tokens) if outputs is None else outputs)
        for parameter in made.parameters():  # away from ones and zeros
            parameter.data += 0.02 * torch.randn(parameter.shape)
        if made.proj is not None:
            made.proj.weight.data *= 5  # scores that differ
    state = made.state_dict()
    if change:
        change(state)
    torch.save(wrap(state) if wrap else state, folder / "model.pt")
    about = {"model": "Emotion2vec", "model_conf": conf, **more}
    if tokens:
        (folder / "tokens.txt").write_text("\n".join(tokens), encoding="utf-8")
        about |= {"tokenizer": "CharTokenizer", "tokenizer_conf": {}}
        about["tokenizer_conf"] = {"unk_symbol": "<unk>", "split_with_space": True}
    text = yaml.safe_dump(about, allow_unicode=True)
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return folder
