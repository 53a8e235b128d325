"""Measures TRL's LoRA DPO on a causal language model and prints one JSON line.

    python bench/peers/trl_dpo.py MODEL_FOLDER DATA --mode defaults|best [--steps 4] [--rows 32] [--turns]

DATA is HH-RLHF transcripts (.jsonl or .jsonl.gz with chosen and rejected as whole transcripts) or rows in TRL's own shapes (prompt, chosen,
rejected, as texts or as messages), which are used as they are. Transcripts become messages for the model's chat template; --plain keeps them
as text. LoRA rank 16 on all linear layers, 8 pairs an optimizer step, rows in file order.

Modes:
  defaults   DPOConfig as it comes: batch 8, float32 weights under bf16 autocast, gradient checkpointing, reference computed in the step
  best       bfloat16 weights, batch 1 x accumulation 8, no gradient checkpointing, reference log-probabilities computed beforehand.
             The caller must keep malloc from returning pages, before the process starts:
             MALLOC_TOP_PAD_=1073741824 MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296

The line holds: mode, pairs_per_second (one number a step; the first step includes warming up), seconds_per_step, seconds_precompute and
pairs_precomputed (0 in defaults), import_seconds, load_seconds, seconds_to_first_step (from the start of the process's main module),
peak_rss_mb, minor_page_faults, losses, tokens (per step: padded, real, as TRL's collator makes them), threads, malloc, versions.

With --turns the process takes turns with another one: it prints an event "ready" when it could step, takes one step and prints an event
"step" for each line `step` on its standard input, and at any other line prints an event "end" and ends (the fields are in side.ts).
"""

import time

STARTED = time.perf_counter()

import argparse  # noqa: E402
import gzip  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["TQDM_DISABLE"] = "1"

PAIRS_PER_STEP = 8
ANSWER = "\n\nAssistant:"
TURN = re.compile(r"\n\n(Human|Assistant):(.*?)(?=\n\n(?:Human|Assistant):|\Z)", re.DOTALL)
ROLES = {"Human": "user", "Assistant": "assistant"}
MALLOC = ("MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")


def transcript_row(record, plain):
    """A transcript pair as a TRL row, or None where the sides do not share the prompt or an answer is empty or the same."""
    chosen, rejected = record["chosen"], record["rejected"]
    length = len(os.path.commonprefix([chosen, rejected]))
    end = chosen.rfind(ANSWER, 0, length)
    if end < 0:
        return None
    end += len(ANSWER)
    prompt, answers = chosen[:end], (chosen[end:], rejected[end:])
    if any(not answer.strip() or ANSWER in answer or "\n\nHuman:" in answer for answer in answers):
        return None
    if answers[0].strip() == answers[1].strip():
        return None
    if plain:
        return {"prompt": prompt, "chosen": answers[0], "rejected": answers[1]}
    turns = [{"role": ROLES[who], "content": text.strip()} for who, text in TURN.findall(prompt)][:-1]
    sides = [[{"role": "assistant", "content": answer.strip()}] for answer in answers]
    return {"prompt": turns, "chosen": sides[0], "rejected": sides[1]}


def prompt_fits(row, tokenizer, max_length):
    """Whether TRL would keep the row: it drops those whose prompt alone fills max_length."""
    if isinstance(row["prompt"], str):
        ids = tokenizer(row["prompt"])["input_ids"]
    else:
        text = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, tokenize=False)
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return len(ids) < max_length


def read_rows(path, count, plain, fits):
    """The first `count` usable rows of the file, in order."""
    rows = []
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if "prompt" in record:
                row = {key: record[key] for key in ("prompt", "chosen", "rejected")}
            else:
                row = transcript_row(record, plain)
            if row is not None and fits(row):
                rows.append(row)
            if len(rows) == count:
                return rows
    sys.exit(f"trl_dpo.py: {path} must hold {count} usable rows, got {len(rows)}; ask for fewer with --rows")


class Stopped(Exception):
    """The other side of the turns asked for no further step."""


class Turns:
    """Waits for the word to step; tells events as JSON lines. Everything else that is printed goes to the error output."""

    def __init__(self):
        self.output, sys.stdout = sys.stdout, sys.stderr

    def tell(self, event, **fields):
        print(json.dumps({"event": event, **fields}), file=self.output, flush=True)

    def may_step(self):
        return sys.stdin.readline().strip() == "step"


def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def peak_rss_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def settings_of(mode):
    """(dtype of the weights, DPOConfig fields) of a mode."""
    if mode == "defaults":
        return "float32", {"per_device_train_batch_size": PAIRS_PER_STEP}
    return "bfloat16", {
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": PAIRS_PER_STEP,
        "gradient_checkpointing": False,
        "precompute_ref_log_probs": True,
        "precompute_ref_batch_size": 1,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--mode", choices=["defaults", "best"], required=True)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rows", type=int, help="rows used, all precomputed in mode best; at least 8 x steps, the default")
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--learning-rate", type=float, default=1e-5)
    parser.add_argument("--plain", action="store_true", help="transcripts as text, without the chat template")
    parser.add_argument("--turns", action="store_true", help="take a step for each line `step` on standard input")
    parser.add_argument("--threads", type=int, help="torch threads (default: torch's own choice)")
    options = parser.parse_args()
    rows_needed = options.steps * PAIRS_PER_STEP
    turns = Turns() if options.turns else None
    row_count = rows_needed if options.rows is None else options.rows
    if row_count < rows_needed:
        parser.error(f"--rows must be at least {rows_needed} for {options.steps} steps, got {row_count}")

    start = time.perf_counter()
    import peft
    import torch
    import transformers
    import trl
    from datasets import Dataset
    from torch.utils.data import SequentialSampler
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from transformers.utils import logging as transformers_logging

    import_seconds = time.perf_counter() - start
    transformers_logging.set_verbosity_error()
    if options.threads:
        torch.set_num_threads(options.threads)

    dtype, fields = settings_of(options.mode)
    start = time.perf_counter()
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=getattr(torch, dtype))
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    load_seconds = time.perf_counter() - start
    fits = lambda row: prompt_fits(row, tokenizer, options.max_length)
    rows = read_rows(options.data, row_count, options.plain, fits)
    tokens, precompute = [], []

    versions = {module.__name__: module.__version__ for module in (trl, transformers, peft, torch)}

    def ready():
        return {
            "seconds_precompute": sum(precompute),
            "pairs_precomputed": len(rows) if precompute else 0,
            "threads": torch.get_num_threads(),
            "versions": versions,
        }

    class Trainer(trl.DPOTrainer):
        """DPOTrainer with rows in file order and a clock around the precomputation."""

        def _get_train_sampler(self, train_dataset=None):
            return SequentialSampler(self.train_dataset if train_dataset is None else train_dataset)

        def _precompute_ref_logps(self, *args, **kwargs):
            begun = time.perf_counter()
            result = super()._precompute_ref_logps(*args, **kwargs)
            precompute.append(time.perf_counter() - begun)
            return result

        def _compute_loss(self, model, inputs, return_outputs):
            mask = inputs["attention_mask"]
            tokens.append((self.state.global_step, mask.shape[0] // 2, mask.numel(), int(mask.sum())))
            return super()._compute_loss(model, inputs, return_outputs)

    class Clock(TrainerCallback):
        """Seconds and loss of every optimizer step."""

        def __init__(self):
            self.seconds, self.losses, self.first = [], [], None

        def on_step_begin(self, args, state, control, **kwargs):
            if turns:
                if not self.seconds:
                    turns.tell("ready", **ready())
                if not turns.may_step():
                    raise Stopped
            self.faults = faults()
            self.begun = time.perf_counter()

        def on_step_end(self, *args, **kwargs):
            now = time.perf_counter()
            self.seconds.append(now - self.begun)
            self.first = self.first or now - STARTED

        def on_log(self, args, state, control, logs=None, **kwargs):
            if logs and "loss" in logs:
                self.losses.append(logs["loss"])
                if turns:
                    read = sum(entry[2] for entry in tokens if entry[0] == state.global_step - 1)
                    step = {"seconds": self.seconds[-1], "loss": logs["loss"], "tokens": read}
                    turns.tell("step", **step, minor_page_faults=faults() - self.faults)

    clock = Clock()
    with tempfile.TemporaryDirectory() as output:
        trainer = Trainer(
            model=model,
            args=trl.DPOConfig(
                output_dir=output,
                max_length=options.max_length,
                max_steps=options.steps,
                learning_rate=options.learning_rate,
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                use_cpu=True,
                dataloader_pin_memory=False,
                **fields,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            peft_config=peft.LoraConfig(
                r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
            ),
            callbacks=[clock],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        try:
            trainer.train()
        except Stopped:
            pass
    if turns:
        turns.tell("end", peak_rss_mb=peak_rss_mb(), minor_page_faults=faults())
        return

    def per_step(column):
        return [sum(entry[column] for entry in tokens if entry[0] == step) for step in range(options.steps)]

    kept = len(trainer.train_dataset)
    if kept != len(rows) or per_step(1) != [PAIRS_PER_STEP] * options.steps:
        sys.exit(f"trl_dpo.py: every step must take {PAIRS_PER_STEP} pairs, got {per_step(1)} of {kept} rows kept")
    report = {
        "mode": options.mode,
        "pairs_per_second": [PAIRS_PER_STEP / seconds for seconds in clock.seconds],
        "seconds_per_step": clock.seconds,
        "seconds_precompute": sum(precompute),
        "pairs_precomputed": kept if precompute else 0,
        "import_seconds": import_seconds,
        "load_seconds": load_seconds,
        "seconds_to_first_step": clock.first,
        "peak_rss_mb": peak_rss_mb(),
        "minor_page_faults": faults(),
        "losses": clock.losses,
        "tokens": {"padded": per_step(2), "real": per_step(3)},
        "threads": torch.get_num_threads(),
        "malloc": {name: os.environ[name] for name in MALLOC if name in os.environ},
        "versions": versions,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
