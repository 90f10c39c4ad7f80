package routes

import "registrar/internal/registrar"

// recordPart is one part of a learner's record, over all course runs.
type recordPart[C any] struct {
	StudentKey registrar.StudentKey `json:"student_key"`
	ProgramKey registrar.ProgramKey `json:"program_key"`
	Courses    []C                  `json:"courses"`
	provenance
}

// The status is in every part, for it explains a null: no grade in a run that
// the learner is not in is no gap.

type gradeCourse struct {
	courseHead
	Grade *grade `json:"grade"`
}

type completionCourse struct {
	courseHead
	Completion *completionCounts `json:"completion"`
}

// partBody is the common frame; item renders one course run.
func partBody[C any](in entry, r registrar.LearnerRecord, p provenance, item func(registrar.LearnerCourse) C) any {
	return recordPart[C]{
		StudentKey: r.Enrollment.StudentKey, ProgramKey: in.program.Key, Courses: each(r.Courses, item), provenance: p,
	}
}

func coursesBody(in entry, r registrar.LearnerRecord, p provenance) any {
	return partBody(in, r, p, headOf)
}

func gradesBody(in entry, r registrar.LearnerRecord, p provenance) any {
	return partBody(in, r, p, func(c registrar.LearnerCourse) gradeCourse {
		return gradeCourse{courseHead: headOf(c), Grade: gradeOf(c.Grade)}
	})
}

func completionBody(in entry, r registrar.LearnerRecord, p provenance) any {
	return partBody(in, r, p, func(c registrar.LearnerCourse) completionCourse {
		return completionCourse{courseHead: headOf(c), Completion: (*completionCounts)(c.Completion)}
	})
}
