package sim

import (
	"container/heap"

	"gastown/internal/town"
)

// moment is something that will happen.
type moment struct {
	at town.Time
	n  int64 // what was planned first happens first
	do func()
}

// queue is what will happen, the earliest first.
type queue struct {
	list []moment
	made int64
}

func (q *queue) add(at town.Time, do func()) {
	q.made++
	heap.Push(q, moment{at, q.made, do})
}

// next is the time of the earliest moment; ok is false if there is none.
func (q *queue) next() (at town.Time, ok bool) {
	if len(q.list) == 0 {
		return 0, false
	}
	return q.list[0].at, true
}

func (q *queue) take() moment { return heap.Pop(q).(moment) }

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (q *queue) Len() int { return len(q.list) }

func (q *queue) Less(i, j int) bool {
	if q.list[i].at != q.list[j].at {
		return q.list[i].at < q.list[j].at
	}
	return q.list[i].n < q.list[j].n
}

func (q *queue) Swap(i, j int) { q.list[i], q.list[j] = q.list[j], q.list[i] }

func (q *queue) Push(x any) { q.list = append(q.list, x.(moment)) }

func (q *queue) Pop() any {
	last := len(q.list) - 1
	m := q.list[last]
	q.list[last] = moment{}
	q.list = q.list[:last]
	return m
}
