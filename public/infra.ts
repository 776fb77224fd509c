// public: what `import … from 'penumbra/infra'` gives: the control plane as a construct. Needs aws-cdk-lib and constructs, which a consumer does not.

export type { ManagedStream } from '../infra/control-functions.ts';
export type { PredictiveShadowingProps } from '../infra/predictive-shadowing.ts';
export { PredictiveShadowing } from '../infra/predictive-shadowing.ts';
