/** What browsers have and jsdom lacks, as far as JupyterLab's packages touch it when they are imported. */

class Observer {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

const missing = {
  DragEvent: class extends MouseEvent {},
  ResizeObserver: Observer,
  IntersectionObserver: Observer,
  matchMedia: (query: string) => ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    addListener: () => undefined,
    removeListener: () => undefined
  }),
  requestIdleCallback: (work: () => void) => setTimeout(work),
  cancelIdleCallback: (handle: number) => {
    clearTimeout(handle);
  }
};

for (const [name, value] of Object.entries(missing)) {
  if (Reflect.get(globalThis, name) === undefined) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }
}
