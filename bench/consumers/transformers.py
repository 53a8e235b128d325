"""Scores OUT/samples.json with Transformers over OUT/exports/hf, and with PEFT over OUT/base/hf. python transformers.py OUT"""

import json
import pathlib
import sys

# This file's own folder would shadow the package of its name.
sys.path.pop(0)
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

out = pathlib.Path(sys.argv[1])
samples = json.loads((out / "samples.json").read_text())["samples"]


def score(model) -> list[float]:
    logps = []
    with torch.no_grad():
        for ids in samples:
            scores = model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
            logps += [scores[i, ids[i + 1]].item() for i in range(len(ids) - 1)]
    return logps


result = {"hf": score(AutoModelForCausalLM.from_pretrained(out / "exports/hf", dtype=torch.float32))}
tokenizer = AutoTokenizer.from_pretrained(out / "exports/hf")
text = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True)
print(f"Transformers renders {text!r}", file=sys.stderr)
if (out / "exports/peft").exists():
    from peft import PeftModel

    base = AutoModelForCausalLM.from_pretrained(out / "base/hf", dtype=torch.float32)
    result["peft"] = score(PeftModel.from_pretrained(base, out / "exports/peft").eval())
print(json.dumps(result))
