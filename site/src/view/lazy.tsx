/** A part of the page whose code is loaded when it is first shown. */
import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../text/text.ts";
import { Button } from "./button.tsx";

interface LazyProps<P> {
  readonly load: () => Promise<ComponentType<P>>;
  readonly props: P;
}

export function Lazy<P extends object>({ load, props }: LazyProps<P>): JSX.Element {
  // A component is a function, and would be called if it were the state itself.
  const [loaded, setLoaded] = useState<{ readonly Content: ComponentType<P> } | undefined>(undefined);
  const [hasFailed, setFailed] = useState(false);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let isWanted = true;
    setFailed(false);
    load().then(
      (Content) => isWanted && setLoaded({ Content }),
      () => isWanted && setFailed(true),
    );
    return () => {
      isWanted = false;
    };
  }, [load, tries]);
  if (loaded !== undefined) return <loaded.Content {...props} />;
  if (!hasFailed) return <p class="loading">{t().app.loading}</p>;
  return (
    <section class="stopped" role="alert">
      <p>{t().app.loadProblem}</p>
      <Button kind="main" onClick={() => setTries(tries + 1)}>
        {t().app.tryAgain}
      </Button>
    </section>
  );
}
