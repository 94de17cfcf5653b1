async (result) => {
    const { marksOf } = await import("/static/js/show/marks.js");
    return marksOf(result).map(({ kind, label, colour }) => ({ kind, label, colour }));
}
