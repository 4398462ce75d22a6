"""Python's `openai` package, unchanged but for base URL and key. Prints one JSON object of what it saw."""

import json
import sys

from openai import AuthenticationError, AzureOpenAI, BadRequestError, OpenAI

url, key = sys.argv[1], sys.argv[2]
messages = [{"role": "user", "content": "Name three cities in Denmark."}]
seen = {}


def exercise(name, client):
    saw = seen[name] = {}
    chat = client.chat.completions.create(model="gpt-5.4-mini", messages=messages)
    saw["chat"] = chat.usage.completion_tokens
    text = ""
    for chunk in client.chat.completions.create(model="gpt-5.4-mini", messages=messages, stream=True):
        if chunk.choices and chunk.choices[0].delta and chunk.choices[0].delta.content:
            text += chunk.choices[0].delta.content
    saw["streamed"] = len(text)
    saw["embedding"] = len(client.embeddings.create(model="text-embedding-3-small", input="one").data[0].embedding)
    saw["models"] = sorted(model.id for model in client.models.list())
    stream = client.chat.completions.create(model="gpt-5-mini", messages=messages, stream=True)
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta and chunk.choices[0].delta.content:
            break
    stream.close()
    try:
        client.chat.completions.create(model="gpt-5.4-mini", messages=[])
    except BadRequestError as error:
        saw["refused"] = [error.code, error.param, len(error.request_id or "")]


exercise("classic", AzureOpenAI(azure_endpoint=url, api_key=key, api_version="2024-10-21", max_retries=0))
v1 = OpenAI(base_url=f"{url}/openai/v1", api_key=key, max_retries=0)
exercise("v1", v1)
seen["v1"]["response"] = v1.responses.create(model="gpt-5.4-mini", input="Say hello.").usage.output_tokens
deltas = 0
for event in v1.responses.create(model="gpt-5.4-mini", input="Say more.", stream=True):
    if event.type == "response.output_text.delta":
        deltas += 1
    if event.type == "response.completed":
        seen["v1"]["streamed_response"] = event.response.usage.output_tokens
seen["v1"]["deltas"] = deltas
try:
    OpenAI(base_url=f"{url}/openai/v1", api_key="wrong", max_retries=0).models.list()
except AuthenticationError as error:
    seen["unauthorized"] = error.code
print(json.dumps(seen))
