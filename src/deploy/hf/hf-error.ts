import { badInput, runFailed, type PreftuneError } from '../../core/index.ts';
import { wordsOf, type Refusal } from '../platform-client.ts';

/** What a refusal of the Inference Endpoints API means, and what to do. */
export function hfError({ status, method, url, body }: Refusal): PreftuneError {
  const { message } = wordsOf(body);
  const said = message === '' ? `${status}` : `${status}: ${message}`;
  const namespace = /\/endpoint\/([^/?]+)/.exec(url)?.[1] ?? 'NAMESPACE';
  const fail = (must: string, advice: string): PreftuneError =>
    (status >= 500 || status === 429 ? runFailed : badInput)(`deploy hf: ${must}, got ${said}; ${advice}`);
  if (/quota|capacity|not available/i.test(message) && status < 500)
    return fail(
      'there must be room for the instance',
      `take another --region, --instance-type or --instance-size, or ask for more at https://endpoints.huggingface.co/${namespace}/quotas`,
    );
  switch (status) {
    case 401:
      return fail(
        'HF_TOKEN must be a token that the hub knows',
        'make one at https://huggingface.co/settings/tokens with the permission to manage Inference Endpoints',
      );
    case 402:
      return fail('the account must be able to pay', `add a payment method at https://huggingface.co/settings/billing`);
    case 403:
      return /billing|payment|credit/i.test(message)
        ? fail('the account must be able to pay', `add a payment method at https://huggingface.co/settings/billing`)
        : fail(
            `the token must be allowed to manage endpoints of ${namespace}`,
            'give it that permission at https://huggingface.co/settings/tokens, or take another --namespace',
          );
    case 404:
      return fail(
        `${method === 'POST' ? `the namespace ${namespace}, the model and the instance` : 'the endpoint'} must exist`,
        'check the spelling of --namespace, --model and the name of the endpoint',
      );
    case 409:
      return fail(
        'the name must be free, or the endpoint at rest',
        'another change is under way, or the name is taken: look with the word status, then run the same command again',
      );
    case 400:
    case 422:
      return fail('the endpoint must be as the API wants it', 'change what it names; --dry-run shows what is sent');
    case 429:
      return fail('the API may not be asked this often', 'wait a minute and run the same command again');
    default:
      return fail(
        'the API must answer',
        'run the same command again; https://status.huggingface.co says whether it is down',
      );
  }
}
