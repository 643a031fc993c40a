//! The experiment that is measured.

/// The file of one whose trials do nothing, with `X` as their only parameter.
pub(crate) fn experiment(name: &str, parallel: u32, max: u64) -> String {
    format!(
        r#"
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {{name: {name}}}
spec:
  objective: {{type: maximize, objectiveMetricName: score}}
  algorithm: {{algorithmName: random}}
  parallelTrialCount: {parallel}
  maxTrialCount: {max}
  parameters:
    - {{name: x, parameterType: double, feasibleSpace: {{min: "0", max: "1"}}}}
  trialTemplate:
    primaryContainerName: main
    trialParameters: [{{name: x, reference: x}}]
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            containers:
              - {{name: main, image: unused, env: [{{name: X, value: "${{trialParameters.x}}"}}], command: ["true"]}}
            restartPolicy: Never
"#
    )
}
