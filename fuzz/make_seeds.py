"""Fills fuzz/corpus with small real files for every target to start from.

usage: python3 fuzz/make_seeds.py JINGWEI, where JINGWEI is the binary, which trains small models for their files.
"""

import gzip
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
REVIEWS = (ROOT / "examples/zh_reviews/zh_reviews.csv").read_text(encoding="utf-8").splitlines()
LAYERS = "[{ embedding = { units = 2 } }, { global_avg_pool1d = {} }]"
TOKENIZERS = {
    "character": "{ character = { max_vocabulary = 40 } }",
    "word": "{ word = { max_vocabulary = 40, dictionary = \"own.txt\" } }",
    "bpe": "{ bpe = { max_vocabulary = 60 } }",
    "word_piece": "{ word_piece = { max_vocabulary = 60 } }",
    "unigram": "{ unigram = { max_vocabulary = 60 } }",
}
EXTRAS = {
    "word": "stemming = \"english\"\nstop_words = { chinese = true, english = true }\npunctuation = \"remove\"\n",
    "character": "max_length = 8\ntruncate = \"before\"\npad = \"before\"\n",
}
TOKENS = "张\tB-PER\n三\tI-PER\n在\tO\n北\tB-LOC\n京\tI-LOC\n\n好\tO\n"
WORDS = "张/nr 三/nr 在/p [北京/ns 大学/n]nt 。/w\n迈向/v 充满/v 希望/n 的/u 新/a 世纪/n\n"


def seed(target, name, content):
    folder = ROOT / "fuzz/corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def recipes_and_data():
    for recipe in (ROOT / "examples").glob("*.toml"):
        seed("recipe", recipe.name, recipe.read_bytes())
    images = gzip.decompress((ROOT / "examples/digits/digits-images-idx3-ubyte.gz").read_bytes())
    seed("idx", "digits", struct.pack(">4BIII", 0, 0, 8, 3, 5, 8, 8) + images[16 : 16 + 5 * 64])
    seed("idx", "labels", struct.pack(">4BI", 0, 0, 8, 1, 5) + bytes(range(5)))


def texts():
    rows = REVIEWS[1:9]
    tabbed = [row.rsplit(",", 1) for row in rows]
    objects = [json.dumps({"text": text, "label": label}, ensure_ascii=False) for text, label in tabbed]
    forms = ["\n".join(rows), "\n".join("\t".join(row) for row in tabbed), "\n".join(objects), "\n".join(rows)]
    tagged = '{"tokens": ["张", "三"], "tags": ["B-PER", "I-PER"]}\n'
    for form, content in enumerate([*forms, '"a ""b""\nc",pos\n"never closed,neg\n', "", objects[0][:40] + "\n" + tagged]):
        seed("text_rows", f"form{form}", bytes([form]) + content.encode())
        seed("text_rows", f"gbk{form}", bytes([form]) + content.encode("gb18030"))
        seed("text_rows", f"labels{form}", bytes([form | 4]) + content.replace("pos", "pos|neg").encode())
    for form in range(15):
        seed("text_conll", f"form{form}", bytes([form]) + (WORDS if form % 3 else TOKENS).encode())
    seed("text_conll", "bioes", bytes([9]) + TOKENS.replace("I-", "E-").encode("gb18030"))
    seed("text_vectors", "text", b"\0" + "3 2\n的 0.5 -1\na 1e-3 2\nx 0 0\n".encode())
    seed("text_vectors", "headless", b"\0" + "的 0.5 -1\na 1e-3 2\n".encode())
    for kind, name in [("<f4", "f4"), ("<f8", "f8"), ("<f2", "f2")]:
        header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': (2, 2), }}"
        header += " " * (-(len(header) + 11) % 64) + "\n"
        numbers = bytes(4 * int(kind[-1]))
        seed("text_vectors", name, b"\1\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + numbers)


def bundles(jingwei):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "few.csv").write_text("\n".join(REVIEWS[:200]), encoding="utf-8")
        (folder / "own.txt").write_text("电脑房 5 n\n", encoding="utf-8")
        for name, tokenizer in TOKENIZERS.items():
            data = '[data]\ntrain = "few.csv"\ntarget = "label"\nvalid = { fraction = 0.2 }\n'
            prepare = f"[prepare.text]\n{EXTRAS.get(name, '')}tokenizer = {tokenizer}\n"
            rest = f"[model]\nlayers = {LAYERS}\n[train]\nepochs = 1\n"
            (folder / f"{name}.toml").write_text(f'task = "text-classification"\n{data}{prepare}{rest}')
            subprocess.run([jingwei, "train", f"{name}.toml", "--run", name, "-q"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            bundle = folder / name / "bundle"
            manifest = json.loads((bundle / "jingwei.json").read_text())
            seed("text_preparation", name, json.dumps(manifest["preparation"]["features"]["text"], ensure_ascii=False))
            # The target puts the digest in front again.
            del manifest["sha256"]
            seed("bundle_manifest", name, json.dumps(manifest, ensure_ascii=False))
    # Weights of the bundle that the target makes: tensors by name, in the order of the file.
    shapes = {"conv/kernel": [3, 3, 1, 4], "dense/kernel": [16, 3], "mean": [4]}
    for damage in ["", "mean", "conv/kernel"]:
        header, offset = {}, 0
        for tensor, shape in shapes.items():
            size = 4
            for dim in shape:
                size *= dim
            header[tensor] = {"dtype": "F32", "shape": shape[::-1] if tensor == damage else shape, "data_offsets": [offset, offset + size]}
            offset += size
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        seed("bundle_weights", damage.replace("/", "_") or "sound", struct.pack("<Q", len(text)) + text + bytes(offset))


recipes_and_data()
texts()
bundles(str(pathlib.Path(sys.argv[1]).resolve()))
