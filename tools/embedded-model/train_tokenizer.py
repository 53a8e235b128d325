"""Trains the embedded model's byte-level BPE once and writes its tokenizer files.

    python train_tokenizer.py --corpus FOLDER --output assets/embedded-model [--vocabulary 2048] [--measure]

FOLDER is what `main.ts` wrote. Needs `pip install tokenizers` (0.22 or later). Same corpus, same files.
--measure trains every size of SIZES instead, writes nothing and prints tokens per word and the parameters that each costs.
"""

import argparse
import json
import pathlib
import re

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SIZES = [768, 1024, 1536, 2048, 3072, 4096]
HIDDEN_SIZE = 192
MODEL_MAX_LENGTH = 512
# One turn a line; nothing is trimmed, so that a rendered prompt is a prefix of the rendered conversation.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def read_texts(corpus: pathlib.Path) -> list[str]:
    texts = [json.loads(line)["text"] for line in (corpus / "pretrain.jsonl").open()]
    for line in (corpus / "sft.jsonl").open():
        row = json.loads(line)
        texts.extend(message["role"] + "\n" + message["content"] for message in row["prompt"] + row["completion"])
    return texts


def train(texts: list[str], size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    # The same split as SmolLM2's: digits one by one, then GPT-2's pattern, so that GGUF can name it.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def tokens_per_word(tokenizer: Tokenizer, texts: list[str]) -> float:
    tokens = sum(len(encoding.ids) for encoding in tokenizer.encode_batch(texts))
    words = sum(len(re.findall(r"[A-Za-z']+|[0-9]+", text)) for text in texts)
    return tokens / words


def count_tokens(tokenizer: Tokenizer, corpus: pathlib.Path) -> dict[str, int]:
    """Tokens as training sees them: documents with their end mark, conversations in ChatML."""

    def chat(messages: list[dict[str, str]]) -> str:
        return "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages)

    documents = [json.loads(line)["text"] + "<|endoftext|>" for line in (corpus / "pretrain.jsonl").open()]
    rows = [json.loads(line) for line in (corpus / "sft.jsonl").open()]
    conversations = [chat(row["prompt"] + row["completion"]) for row in rows]
    sizes = {"pretrain": documents, "sft": conversations}
    counts: dict[str, int] = {}
    for name, texts in sizes.items():
        lengths = [len(encoding.ids) for encoding in tokenizer.encode_batch(texts)]
        counts[f"{name}_tokens"] = sum(lengths)
        counts[f"{name}_longest"] = max(lengths)
    return counts


def write_json(path: pathlib.Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_files(tokenizer: Tokenizer, output: pathlib.Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(output / "tokenizer.json"))
    added = {
        str(index): {
            "content": token,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": True,
        }
        for index, token in enumerate(SPECIAL_TOKENS)
    }
    write_json(
        output / "tokenizer_config.json",
        {
            "added_tokens_decoder": added,
            "add_bos_token": False,
            "add_prefix_space": False,
            "bos_token": None,
            "chat_template": CHAT_TEMPLATE,
            "clean_up_tokenization_spaces": False,
            "eos_token": "<|im_end|>",
            "model_max_length": MODEL_MAX_LENGTH,
            "pad_token": "<|endoftext|>",
            "tokenizer_class": "PreTrainedTokenizerFast",
            "unk_token": None,
        },
    )
    write_json(
        output / "special_tokens_map.json",
        {
            "additional_special_tokens": ["<|im_start|>"],
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--vocabulary", type=int, default=2048)
    parser.add_argument("--measure", action="store_true")
    arguments = parser.parse_args()
    texts = read_texts(arguments.corpus)
    if arguments.measure:
        for size in SIZES:
            ratio = tokens_per_word(train(texts, size), texts)
            print(json.dumps({"vocabulary": size, "tokens_per_word": round(ratio, 3), "parameters": size * HIDDEN_SIZE}))
        return
    if arguments.output is None:
        parser.error("--output: must name a folder unless --measure is given")
    tokenizer = train(texts, arguments.vocabulary)
    write_files(tokenizer, arguments.output)
    print(json.dumps({"vocabulary": tokenizer.get_vocab_size(), "tokens_per_word": round(tokens_per_word(tokenizer, texts), 3)}))
    print(json.dumps(count_tokens(tokenizer, arguments.corpus)))


if __name__ == "__main__":
    main()
