"""The peer of bench/data-scale.ts: Hugging Face datasets on the same file. Prints {"rows", "seconds", "peakBytes"}.

    python datasets_load.py stats|split|convert FILE OUTPUT --mode cached|streaming --cache FOLDER
    python datasets_load.py write-parquet JSONL PARQUET

stats: the file is loaded, and every row is looked at once: its fields are texts that are not empty, the two answers differ, lengths
are summed, prompts and rows are counted by hash. That is a part of what `preftune data stats` does.
split: every row goes to train.jsonl or test.jsonl by a hash of its prompt.
convert: every row is written with its prompt and answers as lists of messages, without the checks of `preftune data convert`.

cached: load_dataset as most people call it, which writes an Arrow copy first; rows are taken a batch of 1000 at a time, the fastest
way that datasets has. streaming: load_dataset(streaming=True), rows as they come.
"""

import argparse
import json
import os
import resource
import sys
import time
import zlib


def write_parquet(source, target):
    import pyarrow.json
    import pyarrow.parquet

    # One row group, as pyarrow writes up to a million rows.
    pyarrow.parquet.write_table(pyarrow.json.read_json(source), target)


def load(path, mode, cache):
    from datasets import load_dataset

    kind = "csv" if ".csv" in path else "parquet" if path.endswith(".parquet") else "json"
    return load_dataset(kind, data_files=path, split="train", streaming=mode == "streaming", cache_dir=cache)


def batches(data):
    """Columns of up to 1000 rows."""
    yield from data.iter(batch_size=1000)


def check(data):
    rows = bad = characters = 0
    seen_prompts, seen_rows = set(), set()
    for batch in batches(data):
        for prompt, chosen, rejected in zip(batch["prompt"], batch["chosen"], batch["rejected"]):
            rows += 1
            if not (prompt.strip() and chosen.strip() and rejected.strip()) or chosen == rejected:
                bad += 1
            characters += len(prompt) + len(chosen) + len(rejected)
            seen_prompts.add(hash(prompt))
            seen_rows.add(hash((prompt, chosen, rejected)))
    return rows - bad


def split(data, output):
    os.makedirs(output)
    rows = 0
    with open(f"{output}/train.jsonl", "w") as train, open(f"{output}/test.jsonl", "w") as test:
        for batch in batches(data):
            names = list(batch)
            for values in zip(*batch.values()):
                row = dict(zip(names, values))
                is_held_out = zlib.crc32(row["prompt"].encode()) < 0.1 * 2**32
                (test if is_held_out else train).write(json.dumps(row, ensure_ascii=False) + "\n")
                rows += 1
    return rows


def convert(data, output):
    rows = 0
    with open(f"{output}.jsonl", "w") as target:
        for batch in batches(data):
            for prompt, chosen, rejected in zip(batch["prompt"], batch["chosen"], batch["rejected"]):
                row = {
                    "prompt": [{"role": "user", "content": prompt}],
                    "chosen": [{"role": "assistant", "content": chosen}],
                    "rejected": [{"role": "assistant", "content": rejected}],
                }
                target.write(json.dumps(row, ensure_ascii=False) + "\n")
                rows += 1
    return rows


def main():
    if sys.argv[1] == "write-parquet":
        return write_parquet(sys.argv[2], sys.argv[3])
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["stats", "split", "convert"])
    parser.add_argument("file")
    parser.add_argument("output")
    parser.add_argument("--mode", choices=["cached", "streaming"], required=True)
    parser.add_argument("--cache", required=True)
    arguments = parser.parse_args()
    import datasets

    datasets.disable_progress_bars()
    started = time.perf_counter()
    data = load(arguments.file, arguments.mode, arguments.cache)
    if arguments.task == "stats":
        rows = check(data)
    else:
        rows = (split if arguments.task == "split" else convert)(data, arguments.output)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "peakBytes": peak}))


main()
