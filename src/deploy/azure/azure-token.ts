import { z } from 'zod';
import { badInput, messageOf, runFailed } from '../../core/index.ts';
import { wordsOf, type TokenSource } from '../platform-client.ts';

export interface AzureTokenOptions {
  /** Such as https://management.azure.com. */
  readonly api: string;
  /** Such as https://login.microsoftonline.com. */
  readonly authority: string;
  readonly signal: AbortSignal;
}

const TOKEN = z.looseObject({ access_token: z.string().min(1) });
const NEEDED = ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID', 'AZURE_CLIENT_SECRET'] as const;

/**
 * Tokens for Azure's management API: AZURE_ACCESS_TOKEN as it stands, else client credentials from AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET. Throws
 * bad-input where neither is there.
 * Source: Microsoft identity platform, OAuth 2.0 client credentials flow, `POST {authority}/{tenant}/oauth2/v2.0/token`.
 */
export function azureTokens(
  environment: Readonly<Record<string, string | undefined>>,
  { api, authority, signal }: AzureTokenOptions,
): TokenSource {
  const given = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const fixed = given('AZURE_ACCESS_TOKEN');
  if (fixed !== undefined) return async () => fixed;
  const [tenant, clientId, clientSecret] = NEEDED.map(given);
  if (tenant === undefined || clientId === undefined || clientSecret === undefined)
    throw badInput(
      `deploy azure: AZURE_ACCESS_TOKEN, or ${NEEDED.join(', ')}, must be set, got ${NEEDED.filter((name) => given(name) !== undefined).join(', ') || 'none of them'}; for a person: export AZURE_ACCESS_TOKEN=$(az account get-access-token --resource ${api} --query accessToken --output tsv)`,
    );
  if (!/^[\w.-]+$/.test(tenant))
    throw badInput('deploy azure: AZURE_TENANT_ID must be an id or a domain, got something else; see az account show');
  let held: Promise<string> | undefined;
  const ask = async (): Promise<string> => {
    let response: Response;
    try {
      response = await fetch(`${authority.replace(/\/+$/, '')}/${tenant}/oauth2/v2.0/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: clientId,
          client_secret: clientSecret,
          scope: `${api.replace(/\/+$/, '')}/.default`,
        }),
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
      });
    } catch (error) {
      throw runFailed(`deploy azure: ${authority} must be reachable, got ${messageOf(error)}; check the connection`, {
        cause: error,
      });
    }
    const body: unknown = await response.json().catch(() => null);
    const parsed = TOKEN.safeParse(body);
    if (response.ok && parsed.success) return parsed.data.access_token;
    // Its own words name the application, never the secret.
    const { message } = wordsOf(
      (body as { readonly error_description?: string } | null)?.error_description ?? (body as null),
    );
    throw badInput(
      `deploy azure: the client's id and secret must be right, got ${response.status}${message === '' ? '' : `: ${message}`}; check ${NEEDED.join(', ')}, and that the secret has not expired`,
    );
  };
  return (renew) => {
    if (renew) held = undefined;
    held ??= ask();
    return held;
  };
}
