"""Golden values of jingwei-graph's operators for texts and their gradients, from PyTorch in double precision.

Run from the repository root:  python scripts/golden/text_ops.py
Writes crates/graph/tests/golden/text.json.
"""

import json

import torch

from graph_ops import OUT, case, cases, random, whole


def masks(batch, time):
    mask = whole(2, batch, time)
    mask[0] = 1
    mask[-1] = 0
    return mask


def steps(mask, sample):
    return [step for step in range(mask.shape[1]) if mask[sample, step]]


def max_over_time(x, mask=None):
    if mask is None:
        return x.amax(1)
    rows = []
    for sample in range(len(x)):
        own = steps(mask, sample)
        rows.append(x[sample, own].amax(0) if own else torch.zeros(x.shape[2], dtype=x.dtype))
    return torch.stack(rows)


def crf_loss(emissions, tags, scores, mask):
    """The negative log-likelihood of tags, by the forward algorithm."""
    count, losses = emissions.shape[2], []
    transitions, start, end = scores[:count], scores[count], scores[count + 1]
    for sample in range(len(emissions)):
        own = steps(mask, sample)
        if not own:
            losses.append(emissions.sum() * 0)
            continue
        path = [int(tags[sample, step]) for step in own]
        total = start + emissions[sample, own[0]]
        score = start[path[0]] + emissions[sample, own[0], path[0]]
        for step, last, tag in zip(own[1:], path, path[1:]):
            total = torch.logsumexp(total[:, None] + transitions, 0) + emissions[sample, step]
            score = score + transitions[last, tag] + emissions[sample, step, tag]
        losses.append(torch.logsumexp(total + end, 0) - score - end[path[-1]])
    return torch.stack(losses)


def crf_marginals(emissions, scores, mask):
    """The derivatives of the logarithm of the sum over all sequences by the emissions."""
    emissions = emissions.detach().requires_grad_()
    tags = torch.zeros(mask.shape, dtype=torch.float64)
    losses = crf_loss(emissions, tags, scores, mask).sum()
    given = torch.nn.functional.one_hot(tags.long(), emissions.shape[2]) * mask[..., None]
    return torch.autograd.grad(losses, emissions)[0] + given


def viterbi(emissions, scores, mask):
    count = emissions.shape[2]
    result = torch.zeros(mask.shape, dtype=torch.float64)
    for sample in range(len(emissions)):
        own, origins = steps(mask, sample), []
        if not own:
            continue
        best = scores[count] + emissions[sample, own[0]]
        for step in own[1:]:
            best, origin = (best[:, None] + scores[:count]).max(0)
            best = best + emissions[sample, step]
            origins.append(origin)
        tag = int((best + scores[count + 1]).argmax())
        for step, origin in zip(reversed(own), [*reversed(origins), None]):
            result[sample, step] = tag
            tag = int(origin[tag]) if origin is not None else tag
    return result


def pooling():
    case("max_over_time", {"max_over_time": {}}, [random(3, 5, 4)], max_over_time)
    case("max_over_time masked", {"max_over_time": {}}, [random(4, 6, 3), masks(4, 6)], max_over_time, [0])


def fields():
    for tags, time in [(1, 3), (4, 6), (5, 1)]:
        emissions, given, mask = random(4, time, tags), whole(tags, 4, time), masks(4, time)
        scores = random(tags + 2, tags)
        case(f"crf_loss {tags} {time}", {"crf_loss": {}}, [emissions, given, scores, mask], crf_loss, [0, 2])
        case(f"crf_marginals {tags} {time}", {"crf_marginals": {}}, [emissions, scores, mask], crf_marginals, [])
        case(f"viterbi_decode {tags} {time}", {"viterbi_decode": {}}, [emissions, scores, mask], viterbi, [])


if __name__ == "__main__":
    for group in (pooling, fields):
        group()
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases)
    (OUT / "text.json").write_text(f"[\n{lines}\n]\n")
    print(len(cases), "cases")
