import { useEffect, useState } from 'react';

/** Whether a node has come near the visible part of the panel; once it has, it stays so. */
export function useVisible(node: React.RefObject<Element>): boolean {
  const [isVisible, setVisible] = useState(false);
  useEffect(() => {
    const element = node.current;
    if (isVisible || !element) {
      return;
    }
    const observer = new IntersectionObserver(
      entries => {
        if (entries.some(entry => entry.isIntersecting)) {
          setVisible(true);
          observer.disconnect();
        }
      },
      { rootMargin: '600px' }
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, [isVisible, node]);
  return isVisible;
}
