"""Where operators play jobs: each job in a thread of its own."""

import json
import logging
import threading
from datetime import UTC, datetime

from kinds import at, core, objects
from kubernetes.client.exceptions import ApiException

# Seconds between two looks at whether there are new jobs, and between two at what a job waits for.
NEW_JOBS_EVERY, ENDS_EVERY = 1, 0.5


class Play:
    """One job, in the hands of its operator."""

    def __init__(self, resource, job, stopping):
        self.resource, self.job, self.stopping = resource, job, stopping
        self.name, self.namespace = job["metadata"]["name"], job["metadata"]["namespace"]
        self.spec = job["spec"]

    def make(self, resource, name, owner=None, labels=None, **fields):
        body = self._body(name, owner, labels or {}, **fields)
        body |= {"apiVersion": f"{resource.group}/{resource.version}", "kind": resource.kind}
        return objects().create_namespaced_custom_object(
            resource.group, resource.version, self.namespace, resource.plural, body)

    def make_pod(self, name, labels, spec, owner=None):
        body = self._body(name, owner, labels, spec={"restartPolicy": "Never", **spec})
        core().create_namespaced_pod(self.namespace, body)
        return name

    def _body(self, name, owner, labels, **fields):
        owner = owner or self.job
        reference = {field: owner["metadata"][field] for field in ("name", "uid")}
        reference |= {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "controller": True}
        return {"metadata": {"name": name, "labels": labels, "ownerReferences": [reference]}, **fields}

    def as_owner(self, pod):
        """A pod, as what is made takes it for its owner."""
        uid = core().read_namespaced_pod(pod, self.namespace).metadata.uid
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod, "uid": uid}}

    def say(self, **status):
        resource = self.resource
        objects().patch_namespaced_custom_object_status(
            resource.group, resource.version, self.namespace, resource.plural, self.name, {"status": status})

    def phase_at_end(self, pod):
        def phase():
            phase = core().read_namespaced_pod(pod, self.namespace).status.phase
            return phase if phase in ("Succeeded", "Failed") else None

        return self._first(phase)

    def end_of_container(self, pod):
        """How the first container of a pod that is over has ended."""
        return core().read_namespaced_pod(pod, self.namespace).status.container_statuses[0].state.terminated

    def condition_at_end(self, resource, made, *types):
        """The first condition of one of these types that holds for an object that was made."""
        group, version, plural = at(resource)

        def held():
            found = objects().get_namespaced_custom_object(
                group, version, self.namespace, plural, made["metadata"]["name"])
            conditions = found.get("status", {}).get("conditions", [])
            return next((one for one in conditions if one["type"] in types and one["status"] == "True"), None)

        return self._first(held)

    def _first(self, look):
        while not (found := look()):
            if self.stopping.wait(ENDS_EVERY):
                raise SystemExit
        return found


def condition(type, status="True", reason="", message=""):
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": type, "status": status, "reason": reason, "message": message, "lastTransitionTime": now}


def with_values(spec, reference, values):
    """A spec with the values of its parameters in place of references to them."""
    text = json.dumps(spec)
    for one in values:
        text = text.replace(reference % one["name"], one["value"])
    return json.loads(text)


def run(operators, stopping):
    """Plays each new job of the kinds that have an operator, until `stopping` is set."""
    known = set()
    while not stopping.wait(NEW_JOBS_EVERY):
        for resource, operator in operators.items():
            try:
                jobs = objects().list_cluster_custom_object(*at(resource))["items"]
            except ApiException as error:
                logging.warning("cannot list %s: %s", resource.plural, error.reason)
                continue
            for job in jobs:
                uid = job["metadata"]["uid"]
                if uid not in known and "deletionTimestamp" not in job["metadata"]:
                    known.add(uid)
                    play = Play(resource, job, stopping)
                    threading.Thread(target=carry_out, args=(operator, play), daemon=True).start()


def carry_out(operator, play):
    try:
        operator(play)
    except ApiException as error:
        # Its job was deleted, and with it what it waited for.
        if error.status != 404:
            logging.exception("%s %s", play.resource.kind, play.name)
