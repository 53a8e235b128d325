"""Turns a Llama-family GGUF file into a Hugging Face folder that Transformers, TRL and PEFT load.

    python bench/peers/gguf_to_folder.py FILE.gguf FOLDER [--dtype float32|bfloat16]

Transformers reads a GGUF (dequantised) but refuses to save the result, because its configuration says it is quantised: the weights are
moved into a fresh model of the same shape, which is then saved with the tokenizer and its chat template.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gguf", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    options = parser.parse_args()
    if not options.gguf.is_file():
        parser.error(f"the GGUF file must exist, got {options.gguf}")
    if options.folder.exists() and any(options.folder.iterdir()):
        parser.error(f"the folder must be empty or absent, got {options.folder}; name another or delete it")

    source = {"pretrained_model_name_or_path": options.gguf.parent, "gguf_file": options.gguf.name}
    read = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    settings = read.config.to_dict()
    for key in ("quantization_config", "dtype", "_name_or_path"):
        settings.pop(key, None)
    dtype = getattr(torch, options.dtype)
    model = type(read)(type(read.config).from_dict(settings))
    model.load_state_dict(read.state_dict(), strict=True)
    model.to(dtype).save_pretrained(options.folder)
    tokenizer = AutoTokenizer.from_pretrained(**source)
    tokenizer.save_pretrained(options.folder)

    again = AutoModelForCausalLM.from_pretrained(options.folder, dtype=torch.float32)
    for (name, before), (_, after) in zip(read.named_parameters(), again.named_parameters(), strict=True):
        if not torch.equal(before.to(dtype).float(), after):
            sys.exit(f"gguf_to_folder.py: {name} must come back as it was saved, got other values")
    count = sum(parameter.numel() for parameter in again.parameters())
    print(f"{options.folder}: {type(again).__name__}, {count:,} parameters, {options.dtype}")


if __name__ == "__main__":
    main()
