//! The forms of job that Katib's examples use (reference §7): accepted, or refused for the reason that the table gives.

use super::*;

/// The good file with another template for the trial.
fn of_template(template: &str) -> Vec<String> {
    let start = GOOD.find("    primaryContainerName:").unwrap();
    let parameters = "    trialParameters:\n      - {name: lr, reference: lr}\n      - {name: opt, reference: optimizer}\n";
    said(&format!("{}{parameters}{template}", &GOOD[..start]))
}

const ARGS: &str = "[--lr, '${trialParameters.lr}', '--opt=${trialParameters.opt}']";

fn replicas(kind: &str, field: &str, roles: &[(&str, &str)]) -> String {
    let roles = roles.iter().map(|(role, container)| {
        format!("          {role}: {{replicas: 1, template: {{spec: {{containers: [{{name: {container}, args: {ARGS}}}]}}}}}}\n")
    });
    let roles: String = roles.collect();
    format!(
        "    trialSpec:\n      apiVersion: kubeflow.org/v1\n      kind: {kind}\n      spec:\n        {field}:\n{roles}"
    )
}

#[test]
fn jobs_of_the_training_operator() {
    let ok = [""; 0];
    let primary = |name: &str| format!("    primaryContainerName: {name}\n");
    let job = replicas(
        "PyTorchJob",
        "pytorchReplicaSpecs",
        &[("Master", "pytorch"), ("Worker", "pytorch")],
    );
    assert_eq!(of_template(&(primary("pytorch") + &job)), ok);
    let labels = "    primaryPodLabels: {training.kubeflow.org/replica-type: worker}\n";
    let job = replicas("TFJob", "tfReplicaSpecs", &[("Worker", "tensorflow")]);
    assert_eq!(of_template(&(primary("tensorflow") + labels + &job)), ok);
    let job = replicas(
        "MPIJob",
        "mpiReplicaSpecs",
        &[("Launcher", "mpi-launcher"), ("Worker", "mpi-worker")],
    );
    assert_eq!(of_template(&(primary("mpi-launcher") + &job)), ok);
    let said = of_template(&(primary("launcher") + &job));
    assert!(
        said[0].contains("is no container of spec.trialTemplate: [mpi-launcher mpi-worker]"),
        "{said:?}"
    );
}

#[test]
fn train_jobs() {
    let job = format!(
        "    primaryContainerName: node\n    trialSpec:\n      apiVersion: trainer.kubeflow.org/v1alpha1\n      kind: TrainJob\n      \
         spec: {{runtimeRef: {{name: torch}}, trainer: {{command: {ARGS}}}}}\n"
    );
    assert_eq!(of_template(&job), [""; 0]);
}

#[test]
fn any_other_kind() {
    let conditions = "    successCondition: status.[@this].#(phase==\"Succeeded\")#\n    \
                      failureCondition: status.[@this].#(phase==\"Failed\")#\n    primaryContainerName: main\n";
    let workflow = format!(
        "{conditions}    trialSpec:\n      apiVersion: argoproj.io/v1alpha1\n      kind: Workflow\n      spec:\n        \
         entrypoint: train\n        templates: [{{name: train, container: {{args: {ARGS}}}}}]\n"
    );
    assert_eq!(of_template(&workflow), [""; 0]);
    // Tekton's own placeholders look alike; the example that mistakes one for the other is refused.
    let tekton = workflow.replace("${trialParameters.lr}", "$(trialParameters.lr)");
    let said = of_template(&tekton);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0]
            .contains("parameter name: lr in spec.trialParameters not found in spec.trialTemplate"),
        "{said:?}"
    );
}

#[test]
fn metadata_substitution() {
    let names = [
        "Name",
        "Namespace",
        "Kind",
        "APIVersion",
        "Labels[custom-key]",
        "Annotations[custom-key]",
    ];
    let metas = names.iter().enumerate();
    let parameters: String = metas
        .clone()
        .map(|(i, name)| format!("      - {{name: m{i}, reference: '${{trialSpec.{name}}}'}}\n"))
        .collect();
    let uses: String = metas
        .map(|(i, _)| format!(" ${{trialParameters.m{i}}}"))
        .collect();
    let metadata = "      metadata: {labels: {custom-key: a}, annotations: {custom-key: b}}\n";
    let text = with(&[
        ("    trialSpec:\n", &format!("{parameters}    trialSpec:\n")),
        ("      kind: Job\n", &format!("      kind: Job\n{metadata}")),
        ("- python3\n", &format!("- python3{uses}\n")),
    ]);
    assert_eq!(said(&text), [""; 0]);
}

#[test]
fn custom_devices_and_volumes() {
    let resources = "                resources: {limits: {xilinx.com/fpga-xilinx_u250: 1, nvidia.com/gpu: '1'}}\n                \
                     volumeMounts: [{name: data, mountPath: /data, subPath: '${trialParameters.optimizer}'}]\n";
    let volumes = "            volumes: [{name: data, persistentVolumeClaim: {claimName: c}}]\n";
    let text = with(&[
        (
            "                command:\n",
            &format!("{resources}                command:\n"),
        ),
        (
            "            restartPolicy: Never\n",
            &format!("{volumes}            restartPolicy: Never\n"),
        ),
    ]);
    assert_eq!(said(&text), [""; 0]);
}
