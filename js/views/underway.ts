// Something asked of the kernel that the page cannot paint beforehand: the element that was used
// looks pressed from the same frame until the answer is here.

export async function underway(el: Element, asked: Promise<boolean>): Promise<boolean> {
  el.toggleAttribute("data-pending", true);
  try {
    return await asked;
  } finally {
    el.toggleAttribute("data-pending", false);
  }
}
