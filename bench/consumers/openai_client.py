"""Uses OpenAI's own client for Python, unchanged but for its base URL. python openai_client.py BASE_URL MODEL

Prints one JSON object: what each part gave. Raises where one is not as the client promises.
"""

import io
import json
import sys
import time

# This file's own folder would shadow packages of the names that are in it.
sys.path.pop(0)
import openai

base_url, model = sys.argv[1:3]
client = openai.OpenAI(base_url=base_url, api_key="none", max_retries=0, timeout=60)
question = [{"role": "user", "content": "What is a dog?"}]
result = {"openai": openai.__version__}

whole = client.chat.completions.create(model=model, messages=question, temperature=0)
result["chat"] = whole.choices[0].message.content
stream = client.chat.completions.create(
    model=model, messages=question, temperature=0, stream=True, stream_options={"include_usage": True}
)
chunks = list(stream)
text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
assert text == result["chat"], text
assert chunks[-1].usage == whole.usage and chunks[-1].choices == []
result["stream"] = len(chunks)

schema = {
    "type": "object",
    "properties": {"kind": {"enum": ["animal", "plant"]}, "legs": {"type": "integer", "minimum": 0, "maximum": 8}},
    "required": ["kind", "legs"],
    "additionalProperties": False,
}
held = client.chat.completions.create(
    model=model,
    messages=question,
    temperature=0,
    response_format={"type": "json_schema", "json_schema": {"name": "thing", "schema": schema, "strict": True}},
)
result["json_schema"] = json.loads(held.choices[0].message.content)

for call, error in (
    (lambda: client.chat.completions.create(model="nope", messages=question), openai.NotFoundError),
    (lambda: client.chat.completions.create(model=model, messages=question, temperature=9), openai.BadRequestError),
    (lambda: client.fine_tuning.jobs.retrieve("ftjob-nope"), openai.NotFoundError),
):
    try:
        call()
    except error:
        continue
    raise AssertionError(f"{error.__name__} must be raised")
result["errors"] = "as the client has them"

rows = "\n".join(
    json.dumps(
        {
            "input": {"messages": [{"role": "user", "content": f"What is a {animal}?"}]},
            "preferred_output": [{"role": "assistant", "content": f"A {animal} is an animal."}],
            "non_preferred_output": [{"role": "assistant", "content": f"A {animal} is an animal. I hope this helps you!"}],
        }
    )
    for animal in ["dog", "cat", "cow", "pig", "bird", "fish", "horse", "sheep", "goat", "duck"] * 3
)
file = client.files.create(file=("pairs.jsonl", io.BytesIO(("\ufeff" + rows).encode())), purpose="fine-tune")
file = client.files.wait_for_processing(file.id)
method = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1, "n_epochs": 2}}}


def finish(job):
    while job.status not in ("succeeded", "failed", "cancelled"):
        time.sleep(0.3)
        job = client.fine_tuning.jobs.retrieve(job.id)
    return job


done = finish(client.fine_tuning.jobs.create(model=model, training_file=file.id, suffix="py", method=method))
assert done.status == "succeeded", done.error
result["fine_tuned_model"] = done.fine_tuned_model
result["events"] = len(list(client.fine_tuning.jobs.list_events(done.id)))
result["csv"] = client.files.content(done.result_files[0]).text.splitlines()[0]
result["chat with it"] = client.chat.completions.create(
    model=done.fine_tuned_model, messages=question, temperature=0
).choices[0].message.content
job = client.fine_tuning.jobs.create(model=model, training_file=file.id, method=method)
result["cancel"] = client.fine_tuning.jobs.cancel(job.id).status
assert done.fine_tuned_model in [one.id for one in client.models.list()]
print(json.dumps(result))
