/** A room whose code is loaded when it is first shown. */
import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../text/text.ts";
import { Button } from "../view/button.tsx";
import type { Room, RoomProps } from "./rooms.ts";

const loaders: Readonly<Record<Room, () => Promise<ComponentType<RoomProps>>>> = {
  playground: async () => (await import("../playground/playground.tsx")).Playground,
  inspector: async () => (await import("../inspector/inspector.tsx")).Inspector,
};

interface LazyRoomProps extends RoomProps {
  readonly room: Room;
}

export function LazyRoom({ room, isShown }: LazyRoomProps): JSX.Element {
  // A component is a function, and would be called if it were the state itself.
  const [loaded, setLoaded] = useState<{ readonly Content: ComponentType<RoomProps> } | undefined>(undefined);
  const [hasFailed, setFailed] = useState(false);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let isWanted = true;
    setFailed(false);
    loaders[room]().then(
      (Content) => isWanted && setLoaded({ Content }),
      () => isWanted && setFailed(true),
    );
    return () => {
      isWanted = false;
    };
  }, [room, tries]);
  if (loaded !== undefined) return <loaded.Content isShown={isShown} />;
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
