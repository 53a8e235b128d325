import { badInput, runFailed, type JsonValue, type PreftuneError } from '../../core/index.ts';
import { wordsOf, type Refusal } from '../platform-client.ts';

/** What codes of Azure mean, and what to do. Source: "Troubleshoot online endpoint deployment and scoring", and ARM's common errors. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /OutOfQuota|QuotaExceeded|not have enough quota/i,
    'ask for more at https://ml.azure.com/quota, or take another --instance-type or --location; an update needs room for the old and the new one',
  ],
  [/OutOfCapacity/i, 'the region has no such machine now: take another --instance-type or --location, or try later'],
  [
    /ImageBuildFailure|ImagePull|image.*(?:pull|not found)|UnauthorizedImage/i,
    'the image must be there, and the endpoint’s identity may pull it: give it the role AcrPull on the registry',
  ],
  [
    /ResourceNotReady|container has crashed|probe failed/i,
    'the container did not become ready: read its log below; mostly the model is missing or too large for the machine, or --start-minutes is too short',
  ],
  [/ResourceGroupNotFound/i, 'check --resource-group'],
  [/SubscriptionNotFound|InvalidSubscriptionId/i, 'check --subscription; az account list has their ids'],
  [
    /AuthorizationFailed|does not have authorization|Forbidden/i,
    'give the account the role AzureML Data Scientist or Contributor on the workspace',
  ],
  [/MissingSubscriptionRegistration/i, 'run az provider register --namespace Microsoft.MachineLearningServices'],
  [/RequestDisallowedByPolicy/i, 'a policy of the subscription forbids it: ask its owner'],
  [/ResourceNotFound|NotFound/i, 'check --workspace, --model and the name of the endpoint'],
  [
    /Conflict|AnotherOperation|in progress/i,
    'another change is under way: wait until it ends, then run the same command again',
  ],
];

/** What a refusal of the management API means, and what to do. */
export function azureError({ status, method, body }: Refusal): PreftuneError {
  const { code, message } = wordsOf(body);
  const said = [String(status), code, message].filter((text) => text !== '').join(' ');
  if (status === 401)
    return badInput(
      `deploy azure: the token must be one that Azure takes, got ${said}; a token lasts an hour: export AZURE_ACCESS_TOKEN=$(az account get-access-token --query accessToken --output tsv)`,
    );
  const make = status >= 500 || status === 429 ? runFailed : badInput;
  return make(`deploy azure: ${method} must succeed, got ${said}; ${adviceFor(`${code} ${message}`, status)}`);
}

/** What a change that was taken and then failed means. */
export function operationError(what: string, error: JsonValue, log: string | undefined): PreftuneError {
  const { code, message } = wordsOf(error);
  const said = [code, message].filter((text) => text !== '').join(' ') || 'no reason';
  const tail = log === undefined || log.trim() === '' ? '' : `\nThe container's log ends with:\n${log.trim()}`;
  return runFailed(`deploy azure: ${what} must succeed, got ${said}; ${adviceFor(`${code} ${message}`, 0)}${tail}`);
}

function adviceFor(text: string, status: number): string {
  const found = ADVICE.find(([pattern]) => pattern.test(text))?.[1];
  if (found !== undefined) return found;
  if (status === 404) return 'check --subscription, --resource-group, --workspace and the name of the endpoint';
  if (status === 409) return 'another change is under way: wait until it ends, then run the same command again';
  if (status >= 500 || status === 429) return 'run the same command again in some minutes';
  return '--dry-run shows what is sent';
}
