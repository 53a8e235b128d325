import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api, queries } from '../api.ts';
import { Failure } from '../parts/frame.tsx';

/** The way in for whoever has a key; a link that works once needs no screen. */
export function SignIn(): ReactNode {
  const signIn = useMutation({
    mutationFn: (key: string) => api.post('/v1/preftune/session', { body: { key } }),
    // Everything that was refused is asked again.
    onSuccess: () => void queries.resetQueries(),
  });
  return (
    <main id="main" className="mx-auto flex min-h-dvh max-w-md flex-col justify-center px-4">
      <title>Sign in · preftune</title>
      <form
        className="card flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          signIn.mutate(String(new FormData(event.currentTarget).get('key')).trim());
        }}
      >
        <div className="flex items-center gap-3">
          <img src="/ui/mark.svg" alt="" width="32" height="32" />
          <h1 className="text-xl font-semibold">Sign in to preftune</h1>
        </div>
        <p className="quiet">With a key of this server, or by the link that it printed when it started.</p>
        <label>
          Key
          <input className="field" name="key" type="password" autoComplete="current-password" required />
        </label>
        {signIn.error !== null && <Failure error={signIn.error} />}
        <button type="submit" className="button button-main" disabled={signIn.isPending}>
          Sign in
        </button>
      </form>
    </main>
  );
}
