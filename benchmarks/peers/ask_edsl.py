"""Asks a study with EDSL on a local server for so many seconds; runs in an environment with edsl.

Prints as JSON the replies that came, those that were one of the options, and the seconds.
"""
# pyright: basic, reportMissingImports=false

import json
import sys
import time
from pathlib import Path

from edsl import Agent, AgentList, Cache, Model, QuestionMultipleChoice, Survey

study = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
model_name, together, budget = sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
questions = [
    QuestionMultipleChoice(question_name=q["name"], question_text=q["text"], question_options=q["options"])
    for q in study["questions"]
]
survey = Survey(questions)
model = Model(model_name, service_name="openai_compatible")
replied = valid = 0
started = time.perf_counter()
# Some persons at a time, all of a job's requests at once as EDSL sends them, until the time is over.
for start in range(0, len(study["persons"]), together):
    agents = AgentList([Agent(traits=traits) for traits in study["persons"][start : start + together]])
    results = (
        survey.by(agents)
        .by(model)
        .run(
            disable_remote_inference=True,
            disable_remote_cache=True,
            cache=Cache(),
            progress_bar=False,
            print_exceptions=False,
            stop_on_exception=False,
            verbose=False,
        )
    )
    for result in results:
        for q in study["questions"]:
            replied += result["raw_model_response"].get(f"{q['name']}_raw_model_response") is not None
            valid += result["answer"].get(q["name"]) in q["options"]
    if time.perf_counter() - started >= budget:
        break
print(json.dumps({"replied": replied, "valid": valid, "seconds": time.perf_counter() - started}))
