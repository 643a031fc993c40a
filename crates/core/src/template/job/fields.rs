//! The fields of a Job, down to its containers (Kubernetes 1.34). What lies deeper is left to the cluster.

use serde_json::Value;

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Whatever there is.
    Any,
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A quantity such as `500m`, or a number.
    Quantity,
    /// A whole number or a name: ports.
    IntegerOrText,
    /// The object of this name in the table.
    Object(&'static str),
    /// A list of these.
    List(&'static str),
    /// An object with any field names and values like this.
    Map(&'static str),
}

impl Type {
    /// Whether a scalar fits.
    pub(super) fn takes(self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Text => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Boolean => value.is_boolean(),
            Self::Quantity => value.is_string() || value.is_number(),
            Self::IntegerOrText => value.is_string() || value.is_i64(),
            Self::Object(_) | Self::List(_) | Self::Map(_) => false,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Text => "a string",
            Self::Integer => "a whole number",
            Self::Boolean => "true or false",
            Self::Quantity => "a quantity such as 500m",
            Self::IntegerOrText => "a whole number or a name",
            Self::Object(_) | Self::Map(_) => "an object",
            Self::List(_) => "a list",
        }
    }
}

/// The type that a word of the table stands for.
pub(super) fn item(word: &'static str) -> Type {
    match word {
        "" => Type::Any,
        "str" => Type::Text,
        "int" => Type::Integer,
        "bool" => Type::Boolean,
        "quantity" => Type::Quantity,
        "int|str" => Type::IntegerOrText,
        _ => match (word.as_bytes().first(), word.get(1..word.len() - 1)) {
            (Some(b'['), Some(inner)) => Type::List(inner),
            (Some(b'{'), Some(inner)) => Type::Map(inner),
            _ => Type::Object(word),
        },
    }
}

/// The fields of an object of the table.
pub(super) fn fields_of(object: &str) -> impl Iterator<Item = (&'static str, Type)> + Clone {
    let row = OBJECTS
        .iter()
        .find(|(name, _)| *name == object)
        .map_or("", |(_, fields)| fields);
    row.split_ascii_whitespace()
        .map(|field| match field.split_once(':') {
            Some((name, word)) => (name, item(word)),
            None => (field, Type::Any),
        })
}

/// Objects and their fields. `name:type`, a type being a word of [`item`], an object of this table, `[list]` or `{map}`; no
/// type: anything.
const OBJECTS: &[(&str, &str)] = &[
    (
        "Job",
        "apiVersion:str kind:str metadata:ObjectMeta spec:JobSpec status",
    ),
    (
        "ObjectMeta",
        "name:str generateName:str namespace:str selfLink:str uid:str resourceVersion:str generation:int \
         creationTimestamp deletionTimestamp deletionGracePeriodSeconds:int labels:{str} annotations:{str} \
         ownerReferences finalizers:[str] managedFields",
    ),
    (
        "JobSpec",
        "parallelism:int completions:int activeDeadlineSeconds:int podFailurePolicy successPolicy backoffLimit:int \
         backoffLimitPerIndex:int maxFailedIndexes:int selector manualSelector:bool template:PodTemplateSpec \
         ttlSecondsAfterFinished:int completionMode:str suspend:bool podReplacementPolicy:str managedBy:str",
    ),
    ("PodTemplateSpec", "metadata:ObjectMeta spec:PodSpec"),
    (
        "PodSpec",
        "volumes:[Volume] initContainers:[Container] containers:[Container] ephemeralContainers restartPolicy:str \
         terminationGracePeriodSeconds:int activeDeadlineSeconds:int dnsPolicy:str nodeSelector:{str} \
         serviceAccountName:str serviceAccount:str automountServiceAccountToken:bool nodeName:str hostNetwork:bool \
         hostPID:bool hostIPC:bool shareProcessNamespace:bool securityContext imagePullSecrets:[LocalReference] \
         hostname:str subdomain:str affinity schedulerName:str tolerations:[Toleration] hostAliases \
         priorityClassName:str priority:int dnsConfig readinessGates runtimeClassName:str enableServiceLinks:bool \
         preemptionPolicy:str overhead:{quantity} topologySpreadConstraints setHostnameAsFQDN:bool os hostUsers:bool \
         schedulingGates resourceClaims resources:Resources hostnameOverride:str",
    ),
    (
        "Container",
        "name:str image:str command:[str] args:[str] workingDir:str ports:[ContainerPort] envFrom:[EnvFrom] \
         env:[EnvVar] resources:Resources resizePolicy restartPolicy:str restartPolicyRules \
         volumeMounts:[VolumeMount] volumeDevices livenessProbe:Probe readinessProbe:Probe startupProbe:Probe lifecycle \
         terminationMessagePath:str terminationMessagePolicy:str imagePullPolicy:str securityContext:SecurityContext \
         stdin:bool stdinOnce:bool tty:bool",
    ),
    (
        "ContainerPort",
        "name:str hostPort:int containerPort:int protocol:str hostIP:str",
    ),
    ("EnvVar", "name:str value:str valueFrom:EnvVarSource"),
    (
        "EnvVarSource",
        "fieldRef resourceFieldRef configMapKeyRef:KeyReference secretKeyRef:KeyReference fileKeyRef",
    ),
    (
        "EnvFrom",
        "prefix:str configMapRef:OptionalReference secretRef:OptionalReference",
    ),
    ("KeyReference", "name:str key:str optional:bool"),
    ("OptionalReference", "name:str optional:bool"),
    ("LocalReference", "name:str"),
    ("Resources", "limits:{quantity} requests:{quantity} claims"),
    (
        "VolumeMount",
        "name:str readOnly:bool recursiveReadOnly:str mountPath:str subPath:str mountPropagation:str subPathExpr:str",
    ),
    (
        "Probe",
        "exec httpGet:HttpGet tcpSocket grpc initialDelaySeconds:int timeoutSeconds:int periodSeconds:int \
         successThreshold:int failureThreshold:int terminationGracePeriodSeconds:int",
    ),
    (
        "HttpGet",
        "path:str port:int|str host:str scheme:str httpHeaders",
    ),
    (
        "SecurityContext",
        "capabilities privileged:bool seLinuxOptions windowsOptions runAsUser:int runAsGroup:int runAsNonRoot:bool \
         readOnlyRootFilesystem:bool allowPrivilegeEscalation:bool procMount:str seccompProfile appArmorProfile",
    ),
    (
        "Toleration",
        "key:str operator:str value:str effect:str tolerationSeconds:int",
    ),
    (
        "Volume",
        "name:str hostPath emptyDir gcePersistentDisk awsElasticBlockStore gitRepo secret nfs iscsi glusterfs \
         persistentVolumeClaim rbd flexVolume cinder cephfs flocker downwardAPI fc azureFile configMap vsphereVolume \
         quobyte azureDisk photonPersistentDisk projected portworxVolume scaleIO storageos csi ephemeral image",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_the_table_is_in_the_table() {
        let known = |word: Type| match word {
            Type::Object(name) => OBJECTS.iter().any(|(object, _)| *object == name),
            Type::List(word) | Type::Map(word) => {
                !matches!(item(word), Type::List(_) | Type::Map(_))
            }
            _ => true,
        };
        for (object, _) in OBJECTS {
            for (field, word) in fields_of(object) {
                assert!(known(word), "{object}.{field}: {word:?}");
                if let Type::List(word) | Type::Map(word) = word {
                    assert!(known(item(word)), "{object}.{field}: {word:?}");
                }
            }
        }
    }
}
